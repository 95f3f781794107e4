//! Uploads in parts into the draft bucket: begun, filled by presigned URLs, listed, completed.

use std::time::{Duration, SystemTime};

use crate::{Attributes, DraftBucket, ETag, ObjectKey, Sha256, UploadId};

/// A multipart upload to begin.
#[derive(Debug, Clone, Copy)]
pub struct CreateUpload<'a> {
    /// Where it goes. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The key, verbatim.
    pub key: &'a ObjectKey,
    /// What shall be stored beside the bytes.
    pub attributes: &'a Attributes,
    /// Whether every part will come with its SHA-256, which the store checks and keeps. AWS takes none otherwise.
    pub part_checksums: bool,
}

/// A part to sign: `PUT` of one part of an upload into the draft bucket.
///
/// Each constraint that is given becomes a signed header, so that the store enforces it.
#[derive(Debug, Clone, Copy)]
pub struct PresignPart<'a> {
    /// Where it goes. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The key, verbatim.
    pub key: &'a ObjectKey,
    /// The upload that it is a part of.
    pub upload_id: &'a UploadId,
    /// 1 to 10,000.
    pub number: u16,
    /// Exact size in bytes.
    pub content_length: Option<u64>,
    /// SHA-256 of the body, which the store checks before it keeps the part. Only for uploads that were begun with
    /// [`CreateUpload::part_checksums`].
    pub checksum_sha256: Option<Sha256>,
    /// See [`crate::PresignPut::now`].
    pub now: SystemTime,
    /// See [`crate::PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// Which parts of an upload to list.
#[derive(Debug, Clone, Copy)]
pub struct ListParts<'a> {
    /// Where the upload is.
    pub bucket: &'a DraftBucket,
    /// The key that it would become.
    pub key: &'a ObjectKey,
    /// Its ID.
    pub upload_id: &'a UploadId,
    /// Where the page before ended: its [`PartPage::next`].
    pub after: Option<u16>,
    /// At most so many, 1–1,000; S3's 1,000 where unset.
    pub max_parts: Option<u16>,
}

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// 1 to 10,000.
    pub number: u16,
    /// The version of its bytes.
    pub etag: ETag,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, where it was sent with one and the store kept it.
    pub checksum_sha256: Option<Sha256>,
}

/// A page of parts, in order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPage {
    /// At most 1,000.
    pub parts: Vec<ListedPart>,
    /// For [`ListParts::after`]; none when this was the last page.
    pub next: Option<u16>,
}

/// An upload to complete.
#[derive(Debug, Clone, Copy)]
pub struct CompleteUpload<'a> {
    /// Where it is.
    pub bucket: &'a DraftBucket,
    /// The key that it becomes.
    pub key: &'a ObjectKey,
    /// Its ID.
    pub upload_id: &'a UploadId,
    /// The parts of the whole, in order of their numbers, each in the version that was listed.
    pub parts: &'a [ListedPart],
    /// Only where nothing is at that key (`If-None-Match: *`), on stores that honour it.
    pub if_absent: bool,
}
