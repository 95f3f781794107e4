//! Multipart uploads into the draft bucket. Their parts are uploaded by presigned URLs.

use std::time::SystemTime;

use crate::{Attributes, DraftBucket, ETag, ObjectKey, Sha256, UploadId};

/// A request to begin a multipart upload.
#[derive(Debug, Clone, Copy)]
pub struct CreateUpload<'a> {
    /// The destination. The type makes it impossible to name the main bucket.
    pub bucket: &'a DraftBucket,
    /// The object key, verbatim.
    pub key: &'a ObjectKey,
    /// The headers and user metadata of the new object.
    pub attributes: &'a Attributes,
    /// `true` if every part will be sent with its SHA-256, which the store checks and keeps. AWS refuses checksums of
    /// parts otherwise.
    pub part_checksums: bool,
}

/// A request for a page of the parts of an upload.
#[derive(Debug, Clone, Copy)]
pub struct ListParts<'a> {
    /// The bucket of the upload.
    pub bucket: &'a DraftBucket,
    /// The key of the object that the upload creates.
    pub key: &'a ObjectKey,
    /// The ID of the upload.
    pub upload_id: &'a UploadId,
    /// The part number to continue after: [`PartPage::next`] of the previous page.
    pub after: Option<u16>,
    /// The maximum number of parts, 1–1,000. Defaults to 1,000.
    pub max_parts: Option<u16>,
}

/// A part that the store has received.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedPart {
    /// The part number, 1 to 10,000.
    pub number: u16,
    /// The `ETag` of the part.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the part, if it was sent with one and the store kept it.
    pub checksum_sha256: Option<Sha256>,
    /// The time at which the part arrived, if the store lists it.
    pub last_modified: Option<SystemTime>,
}

/// A page of parts, in ascending order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPage {
    /// The parts, at most 1,000.
    pub parts: Vec<ListedPart>,
    /// The part number for [`ListParts::after`] of the next page. `None` on the last page.
    pub next: Option<u16>,
    /// The time by the store's own clock (the `Date` header of the response).
    pub store_time: Option<SystemTime>,
}

/// A request to complete a multipart upload.
#[derive(Debug, Clone, Copy)]
pub struct CompleteUpload<'a> {
    /// The bucket of the upload.
    pub bucket: &'a DraftBucket,
    /// The key of the new object.
    pub key: &'a ObjectKey,
    /// The ID of the upload.
    pub upload_id: &'a UploadId,
    /// The parts of the object, in ascending order of their numbers, each in the version that was listed.
    pub parts: &'a [ListedPart],
    /// Completes only if the key is free (`If-None-Match: *`), on stores that honour the condition.
    pub if_absent: bool,
}
