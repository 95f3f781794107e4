//! Reads of a draft's bytes.

use std::ops::Range;

use crate::{DraftBucket, ETag, ObjectKey};

/// A request to read a range of one version of a draft.
///
/// There is no such request for main, and none without a version: all ranges that are read of a draft belong to the same
/// bytes.
#[derive(Debug, Clone)]
pub struct ReadDraft<'a> {
    /// The bucket of the draft.
    pub bucket: &'a DraftBucket,
    /// The key of the draft.
    pub key: &'a ObjectKey,
    /// The version to read. Sent as `If-Match`, and compared with the answer.
    pub etag: &'a ETag,
    /// The bytes to read, at least one, all of which the draft has.
    pub range: Range<u64>,
}

impl ReadDraft<'_> {
    /// The maximum length of a range in bytes, which bounds the memory of a read: 8 MiB.
    pub const MAX_BYTES: u64 = 8 * 1024 * 1024;
}
