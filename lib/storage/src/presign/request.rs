//! The requests that can be presigned.

use std::time::{Duration, SystemTime};

use crate::{Attributes, BucketName, DraftBucket, ETag, MediaType, ObjectKey, Sha256, UploadId, VersionId};

/// An upload to presign: `PUT` of one object into the draft bucket.
///
/// Each constraint becomes a signed header, so that the store enforces it.
#[derive(Debug, Clone)]
pub struct PresignPut<'a> {
    /// The destination. The type makes it impossible to name the main bucket.
    pub bucket: &'a DraftBucket,
    /// The object key, verbatim.
    pub key: &'a ObjectKey,
    /// The exact size in bytes.
    pub content_length: Option<u64>,
    /// The SHA-256 of the body. The store checks it before it keeps the object.
    pub checksum_sha256: Option<Sha256>,
    /// The exact headers and user metadata.
    pub attributes: &'a Attributes,
    /// Makes the store refuse the upload if the key is taken (`If-None-Match: *`), on stores that honour the condition.
    pub write_once: bool,
    /// The start of the URL's validity: the current time, by the caller's clock.
    pub now: SystemTime,
    /// The duration of the URL's validity, 1 second to 7 days. Shortened if the signing credentials expire sooner.
    pub expires_in: Duration,
}

/// A part to presign: `PUT` of one part of a multipart upload into the draft bucket.
///
/// Each constraint becomes a signed header, so that the store enforces it.
#[derive(Debug, Clone, Copy)]
pub struct PresignPart<'a> {
    /// The destination. The type makes it impossible to name the main bucket.
    pub bucket: &'a DraftBucket,
    /// The object key, verbatim.
    pub key: &'a ObjectKey,
    /// The ID of the upload.
    pub upload_id: &'a UploadId,
    /// The part number, 1 to 10,000.
    pub number: u16,
    /// The exact size in bytes.
    pub content_length: Option<u64>,
    /// The SHA-256 of the body. The store checks it before it keeps the part. Only for uploads that were begun with
    /// [`crate::CreateUpload::part_checksums`].
    pub checksum_sha256: Option<Sha256>,
    /// The start of the validity: see [`PresignPut::now`].
    pub now: SystemTime,
    /// The validity: see [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// A form to presign: `POST` of one object into the draft bucket, of any size up to a limit.
///
/// Each constraint becomes a condition in the form's policy, so that the store enforces it. A form cannot require that
/// the key is free: it can be sent repeatedly while it is valid.
#[derive(Debug, Clone)]
pub struct PresignPost<'a> {
    /// The destination. The type makes it impossible to name the main bucket.
    pub bucket: &'a DraftBucket,
    /// The object key, verbatim. Must not contain `${filename}`, which stores replace.
    pub key: &'a ObjectKey,
    /// The maximum size in bytes.
    pub max_content_length: u64,
    /// The SHA-256 of the file. The store checks it before it keeps the object.
    pub checksum_sha256: Option<Sha256>,
    /// The exact headers and user metadata. The form has no others.
    pub attributes: &'a Attributes,
    /// The start of the validity: see [`PresignPut::now`].
    pub now: SystemTime,
    /// The validity: see [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// A step of a multipart upload to presign, for clients that speak S3 themselves. Parts are presigned by
/// [`PresignPart`].
#[derive(Debug, Clone, Copy)]
pub struct PresignStep<'a> {
    /// The bucket of the upload. The type makes it impossible to name the main bucket.
    pub bucket: &'a DraftBucket,
    /// The key of the object that the upload creates, verbatim.
    pub key: &'a ObjectKey,
    /// The step to sign.
    pub step: UploadStep<'a>,
    /// The start of the validity: see [`PresignPut::now`].
    pub now: SystemTime,
    /// The validity: see [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// A step of a multipart upload, other than the upload of a part.
#[derive(Debug, Clone, Copy)]
pub enum UploadStep<'a> {
    /// Begins the upload of an object with exactly these headers and user metadata: `POST`.
    Create(&'a Attributes),
    /// Lists the parts that have arrived: `GET`.
    ListParts(&'a UploadId),
    /// Joins the parts into an object: `POST`.
    Complete(&'a UploadId),
    /// Aborts the upload: `DELETE`.
    Abort(&'a UploadId),
}

/// A download to presign: `GET` of one object from the draft or the main bucket.
#[derive(Debug, Clone)]
pub struct PresignGet<'a> {
    /// The bucket of the object.
    pub bucket: &'a BucketName,
    /// The object key, verbatim.
    pub key: &'a ObjectKey,
    /// The version to read. `None` is the current one.
    pub version: Option<&'a VersionId>,
    /// The version of the bytes, for the header `If-Match`, which is signed and must be sent. `None` is any.
    pub if_match: Option<&'a ETag>,
    /// The `Content-Type` of the response, instead of the stored one: the key may be uploaded again before it is read.
    pub response_content_type: &'a MediaType,
    /// The `Content-Disposition` of the response, instead of the stored one.
    pub response_content_disposition: &'a str,
    /// The start of the validity: see [`PresignPut::now`].
    pub now: SystemTime,
    /// The validity: see [`PresignPut::expires_in`].
    pub expires_in: Duration,
}
