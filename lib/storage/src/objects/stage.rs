//! Copies over the size that one call can carry: staged part by part, then made visible at once.

use crate::{Attributes, DraftBucket, ETag, MainBucket, ObjectKey, UploadId};

/// A copy of one version of a draft that is not visible in main yet.
#[derive(Debug, Clone)]
pub struct StageCopy<'a> {
    /// The bucket of the draft.
    pub draft_bucket: &'a DraftBucket,
    /// The key of the draft.
    pub draft_key: &'a ObjectKey,
    /// Copy only this version (`x-amz-copy-source-if-match`, with every part).
    pub draft_etag: &'a ETag,
    /// Its size in bytes.
    pub size: u64,
    /// The bucket of the copy.
    pub main_bucket: &'a MainBucket,
    /// The key of the copy.
    pub main_key: &'a ObjectKey,
    /// All attributes to store beside the bytes.
    pub attributes: &'a Attributes,
}

/// A copy that only has to be completed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StagedCopy {
    /// The multipart upload in main.
    pub upload_id: UploadId,
    /// Its parts, in order, from number 1.
    pub parts: Vec<StagedPart>,
    /// Size of the whole in bytes.
    pub size: u64,
}

/// One part that was copied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StagedPart {
    /// The part number, 1 to 10,000.
    pub number: u16,
    /// The version of the part.
    pub etag: ETag,
}
