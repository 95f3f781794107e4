//! Multipart copies, for objects that are too large for one `CopyObject`.

use crate::{Attributes, DraftBucket, ETag, MainBucket, ObjectKey, UploadId};

/// A request to copy one version of a draft into a multipart upload in main. The upload is completed by another call.
#[derive(Debug, Clone)]
pub struct StageCopy<'a> {
    /// The bucket of the draft.
    pub draft_bucket: &'a DraftBucket,
    /// The key of the draft.
    pub draft_key: &'a ObjectKey,
    /// The version to copy. Sent as `x-amz-copy-source-if-match` with every part.
    pub draft_etag: &'a ETag,
    /// The size of the draft in bytes.
    pub size: u64,
    /// The bucket of the new object.
    pub main_bucket: &'a MainBucket,
    /// The key of the new object.
    pub main_key: &'a ObjectKey,
    /// The headers and user metadata of the new object.
    pub attributes: &'a Attributes,
}

/// A multipart copy whose parts are all copied and that has yet to be completed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StagedCopy {
    /// The ID of the multipart upload in main.
    pub upload_id: UploadId,
    /// The parts in ascending order, from number 1.
    pub parts: Vec<StagedPart>,
    /// The size of the whole object in bytes.
    pub size: u64,
}

/// A part of a multipart copy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StagedPart {
    /// The part number, 1 to 10,000.
    pub number: u16,
    /// The `ETag` of the part.
    pub etag: ETag,
    /// Set if the `ETag` is the MD5 of the part's bytes, on a store whose tags are.
    pub etag_is_md5: bool,
}

/// A request to copy one version of an object in main into a multipart upload in main.
#[derive(Debug, Clone)]
pub struct StageInMain<'a> {
    /// The bucket of both objects.
    pub bucket: &'a MainBucket,
    /// The key of the source.
    pub source_key: &'a ObjectKey,
    /// The version to copy. Sent as `x-amz-copy-source-if-match` with every part.
    pub source_etag: &'a ETag,
    /// The size of the source in bytes.
    pub size: u64,
    /// The key of the new object.
    pub key: &'a ObjectKey,
    /// The headers, user metadata and options of the new object.
    pub attributes: &'a Attributes,
}
