//! Deletes of drafts.

use crate::{ETag, ErrorKind, ObjectKey};

/// One version of a draft, which a delete insists on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DraftVersion {
    /// The key of the draft.
    pub key: ObjectKey,
    /// The version of the draft.
    pub etag: ETag,
}

/// A draft that a batch did not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteFailure {
    /// The key of the draft.
    pub key: ObjectKey,
    /// The reason; `PreconditionFailed` when another version is there.
    pub kind: ErrorKind,
    /// The store's own code, for the log.
    pub code: String,
}
