//! Requests to sign.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::{BucketName, DraftBucket, ObjectKey, Sha256, UploadId};

/// An upload to sign: `PUT` of one object into the draft bucket.
///
/// Each constraint that is given becomes a signed header, so that the store enforces it.
#[derive(Debug, Clone)]
pub struct PresignPut<'a> {
    /// The destination. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The object key, verbatim.
    pub key: &'a ObjectKey,
    /// Exact size in bytes.
    pub content_length: Option<u64>,
    /// The exact `Content-Type`.
    pub content_type: Option<&'a str>,
    /// SHA-256 of the body, which the store checks before it keeps anything.
    pub checksum_sha256: Option<Sha256>,
    /// User metadata, names in lower case.
    pub metadata: &'a BTreeMap<String, String>,
    /// Refuses the upload where the key exists already (`If-None-Match: *`), on stores that honour it.
    pub write_once: bool,
    /// The start of the URL's validity: now, by the caller's clock.
    pub now: SystemTime,
    /// The validity, 1 s to 7 days, cut short where the signing credentials end sooner.
    pub expires_in: Duration,
}

/// A part to sign: `PUT` of one part of an upload into the draft bucket.
///
/// Each constraint that is given becomes a signed header, so that the store enforces it.
#[derive(Debug, Clone, Copy)]
pub struct PresignPart<'a> {
    /// The destination. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The object key, verbatim.
    pub key: &'a ObjectKey,
    /// The upload that it is a part of.
    pub upload_id: &'a UploadId,
    /// The part number, 1 to 10,000.
    pub number: u16,
    /// Exact size in bytes.
    pub content_length: Option<u64>,
    /// SHA-256 of the body, which the store checks before it keeps the part. Only for uploads that were begun with
    /// [`crate::CreateUpload::part_checksums`].
    pub checksum_sha256: Option<Sha256>,
    /// The start of the validity: see [`PresignPut::now`].
    pub now: SystemTime,
    /// The validity: see [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// An upload by a form to sign: `POST` of one object into the draft bucket, of any size up to a limit.
///
/// Each constraint becomes a condition of the form's policy, so that the store enforces it. A form cannot ask that the key be
/// new: it can be sent again for as long as it is valid.
#[derive(Debug, Clone)]
pub struct PresignPost<'a> {
    /// The destination. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The key, verbatim. Not one with `${filename}` in it, which stores replace.
    pub key: &'a ObjectKey,
    /// The largest size in bytes.
    pub max_content_length: u64,
    /// Exact `Content-Type`. Unset: the form has none.
    pub content_type: Option<&'a str>,
    /// SHA-256 of the file, which the store checks before it keeps anything.
    pub checksum_sha256: Option<Sha256>,
    /// User metadata, names in lower case.
    pub metadata: &'a BTreeMap<String, String>,
    /// The start of the validity: see [`PresignPut::now`].
    pub now: SystemTime,
    /// The validity: see [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// A step of a multipart upload into the draft bucket to sign, for clients that speak S3 by themselves. Their parts are
/// uploads like any other: see [`PresignPart`].
#[derive(Debug, Clone, Copy)]
pub struct PresignStep<'a> {
    /// The bucket of the upload. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The key that it becomes, verbatim.
    pub key: &'a ObjectKey,
    /// The action of the client.
    pub step: UploadStep<'a>,
    /// The start of the validity: see [`PresignPut::now`].
    pub now: SystemTime,
    /// The validity: see [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// An action on a multipart upload, beside the upload of its parts.
#[derive(Debug, Clone, Copy)]
pub enum UploadStep<'a> {
    /// Begins the upload: `POST`.
    Create,
    /// Lists the parts that have arrived: `GET`.
    ListParts(&'a UploadId),
    /// Makes the parts an object: `POST`.
    Complete(&'a UploadId),
    /// Aborts the upload: `DELETE`.
    Abort(&'a UploadId),
}

/// A download to sign: `GET` of one object, of draft or of main.
#[derive(Debug, Clone)]
pub struct PresignGet<'a> {
    /// The bucket of the object.
    pub bucket: &'a BucketName,
    /// The object key, verbatim.
    pub key: &'a ObjectKey,
    /// The `Content-Disposition` of the response, in place of the one that is stored.
    pub response_content_disposition: Option<&'a str>,
    /// The start of the validity: see [`PresignPut::now`].
    pub now: SystemTime,
    /// The validity: see [`PresignPut::expires_in`].
    pub expires_in: Duration,
}
