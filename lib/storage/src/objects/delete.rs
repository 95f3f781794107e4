//! Deletes of drafts.

use crate::{ETag, ErrorKind, ObjectKey};

/// A version of a draft. A delete removes only this version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DraftVersion {
    /// The key of the draft.
    pub key: ObjectKey,
    /// The version of the draft.
    pub etag: ETag,
}

/// A draft that a delete of many drafts did not remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteFailure {
    /// The key of the draft.
    pub key: ObjectKey,
    /// The reason. `PreconditionFailed` if the draft has another version.
    pub kind: ErrorKind,
    /// The error code of the store, for the log.
    pub code: String,
}
