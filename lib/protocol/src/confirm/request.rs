//! One confirm, as the protocol needs to know it.

use std::time::SystemTime;

use draftstore_storage::{ETag, ObjectInfo, ObjectKey, Sha256};

use super::marker::BatchId;
use super::plan::Plan;

/// The largest object that one `CopyObject` can carry: 5 GiB.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub const MAX_COPY_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// The terms of one confirm.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Confirm {
    /// The draft's key.
    pub draft_key: ObjectKey,
    /// The pins that the caller insists on.
    pub pins: Pins,
    /// The fate of an object that main already holds.
    pub existing: Existing,
    /// The caller's own name for this confirm.
    pub idempotency_key: Option<String>,
    /// The size in bytes above which a draft is copied part by part.
    pub max_copy_bytes: u64,
    /// The way that the store allows.
    pub plan: Plan,
    /// The atomic batch that the confirm belongs to, if any: it then stops before it changes anything, and again before it
    /// removes the draft.
    pub batch: Option<BatchId>,
    /// The moment at which the confirm began.
    pub now: SystemTime,
}

/// The properties of a draft that a confirm insists on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Pins {
    /// The draft's version.
    pub if_match: Option<ETag>,
    /// The draft's size in bytes.
    pub content_length: Option<u64>,
    /// The draft's checksum, which the store must know.
    pub checksum_sha256: Option<Sha256>,
}

impl Pins {
    /// The pin that a draft does not match, if any.
    pub(super) fn broken_by_draft(&self, draft: &ObjectInfo) -> Option<&'static str> {
        let other_version = self.if_match.as_ref().is_some_and(|pin| *pin != draft.etag);
        other_version.then_some("if_match").or_else(|| self.broken_by(draft))
    }

    /// The pin that an object in main does not match, if any. Its version may differ from the draft's.
    pub(super) fn broken_by(&self, object: &ObjectInfo) -> Option<&'static str> {
        if self.content_length.is_some_and(|bytes| bytes != object.size) {
            Some("content_length")
        } else if self.checksum_sha256.is_some() && self.checksum_sha256 != object.checksum_sha256 {
            Some("checksum_sha256")
        } else {
            None
        }
    }
}

/// The fate of an object that main already holds under the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Existing {
    /// Keeps it, and refuses the confirm.
    Keep,
    /// Replaces it, if it is this version, or else the one that was seen when the confirm began.
    Replace(Option<ETag>),
}
