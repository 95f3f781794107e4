//! Uploads in parts into the draft bucket: begun, filled by presigned URLs, listed, completed.

use crate::{Attributes, DraftBucket, ETag, ObjectKey, Sha256, UploadId};

/// A multipart upload to begin.
#[derive(Debug, Clone, Copy)]
pub struct CreateUpload<'a> {
    /// The destination. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The object key, verbatim.
    pub key: &'a ObjectKey,
    /// The attributes to store beside the bytes.
    pub attributes: &'a Attributes,
    /// Set where every part will come with its SHA-256, which the store checks and keeps. AWS takes none otherwise.
    pub part_checksums: bool,
}

/// A request for a page of an upload's parts.
#[derive(Debug, Clone, Copy)]
pub struct ListParts<'a> {
    /// The bucket of the upload.
    pub bucket: &'a DraftBucket,
    /// The key that it would become.
    pub key: &'a ObjectKey,
    /// The ID of the upload.
    pub upload_id: &'a UploadId,
    /// The end of the previous page: its [`PartPage::next`].
    pub after: Option<u16>,
    /// The maximum number of parts, 1–1,000; S3's 1,000 where unset.
    pub max_parts: Option<u16>,
}

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// The part number, 1 to 10,000.
    pub number: u16,
    /// The version of its bytes.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, where it was sent with one and the store kept it.
    pub checksum_sha256: Option<Sha256>,
}

/// A page of parts, in order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPage {
    /// The parts, at most 1,000.
    pub parts: Vec<ListedPart>,
    /// For [`ListParts::after`]; none when this was the last page.
    pub next: Option<u16>,
}

/// An upload to complete.
#[derive(Debug, Clone, Copy)]
pub struct CompleteUpload<'a> {
    /// The bucket of the upload.
    pub bucket: &'a DraftBucket,
    /// The key that it becomes.
    pub key: &'a ObjectKey,
    /// The ID of the upload.
    pub upload_id: &'a UploadId,
    /// The parts of the whole, in order of their numbers, each in the version that was listed.
    pub parts: &'a [ListedPart],
    /// Completes only where nothing is at that key (`If-None-Match: *`), on stores that honour it.
    pub if_absent: bool,
}
