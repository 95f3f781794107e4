//! The terms of a schedule: kinds of stores, what callers ask for, what goes wrong, and how long things take.

use draftstore_storage::{Capabilities, ErrorKind, ObjectKey};

use crate::confirm::{Existing, Pins};
use crate::{DraftId, StoreError};

/// How long drafts live, in seconds.
pub(super) const LIFETIME: u64 = 1_000;
/// How long upload URLs are valid.
pub(super) const UPLOAD_TTL: u64 = 500;
/// For how long a sweep waits beyond the end of anything.
pub(super) const GRACE: u64 = 100;
/// For how long a confirm may stage, and a batch may take back.
pub(super) const TIMEOUT: u64 = 50;
/// Drafts larger than this are copied part by part.
pub(super) const MAX_COPY_BYTES: u64 = 5;

/// The promises of a profile of stores, beyond those of every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Promises {
    /// A named draft is deleted only when it was confirmed or has expired. Of unique drafts every store promises that.
    pub(super) named_drafts_are_safe: bool,
}

/// A kind of store, and what DraftStore promises on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Profile {
    pub(super) honours: Capabilities,
    pub(super) promises: Promises,
    /// Servers at work at the same time.
    pub(super) servers: usize,
    /// Lets a call that timed out take effect later.
    pub(super) late: bool,
}

/// The request of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spec {
    pub(super) draft_key: ObjectKey,
    pub(super) main_key: ObjectKey,
    pub(super) pins: Pins,
    pub(super) existing: Existing,
    pub(super) idempotency_key: Option<String>,
}

/// The fault of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    No,
    /// The store does nothing, and says so, or does not answer.
    Before(ErrorKind),
    /// The store does it, and the answer is lost.
    Lost,
    /// The answer is lost, and the store does it later.
    Late,
    /// A list shows what was there some time ago.
    Stale,
}

pub(super) fn is_unique(key: &ObjectKey) -> bool {
    DraftId::in_key(key).is_some()
}

/// The model's store says nothing of an error but its kind.
impl StoreError for ErrorKind {
    fn kind(&self) -> ErrorKind {
        *self
    }
}
