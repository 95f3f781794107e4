//! The parameters of a schedule: kinds of stores, requests, faults, and durations.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use draftstore_storage::{Capabilities, Condition, ErrorKind, ObjectKey, Support};

use crate::confirm::{Existing, MarkerDigest, MarkerDigests, Pins, RemovalBounds, RequestDigests};
use crate::{DraftId, StoreError};

/// The lifetime of drafts, in seconds.
pub(super) const LIFETIME: u64 = 1_000;
/// The time without a new part after which a sweep completes an upload, in seconds.
pub(super) const IDLE_AFTER: u64 = 600;
/// The validity of upload URLs, in seconds.
pub(super) const UPLOAD_TTL: u64 = 500;
/// The time that a sweep waits after the end of a lifetime, in seconds.
pub(super) const GRACE: u64 = 100;
/// The time in which a confirm may stage and a batch may undo, in seconds.
pub(super) const TIMEOUT: u64 = 50;
/// The time for which a rejected draft is kept, in seconds.
pub(super) const KEEP_REJECTED: u64 = 200;
/// The size above which drafts are copied part by part.
pub(super) const MAX_COPY_BYTES: u64 = 5;

/// The number of servers of a world. Not all of them run in every profile.
pub(super) const SERVERS: usize = 3;
/// The limits on the drafts that confirms left, which are so small that each is reached.
pub(super) const REMOVALS: RemovalBounds = RemovalBounds { drafts: 3, batch: 2 };

/// The promises for a profile of stores, beyond those for every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Promises {
    /// A named draft is deleted only if it was confirmed or has expired. For unique drafts, every store has this
    /// promise.
    pub(super) named_drafts_are_safe: bool,
    /// Main may show a swapped copy, which the checks have not accepted, until its confirm has found and deleted it, or
    /// another has replaced it. No confirm is answered with it.
    pub(super) shows_swapped_copies: bool,
}

/// A kind of store, and the promises of DraftStore on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Profile {
    pub(super) honours: Capabilities,
    /// The conditions that a probe took for honoured, and that the store does not honour. It copies another version than the
    /// one meant, if the `ETag` of that is an MD5.
    pub(super) misjudged: Option<Condition>,
    pub(super) promises: Promises,
    /// The number of servers that run at the same time.
    pub(super) servers: usize,
    /// Calls that timed out may take effect later.
    pub(super) late: bool,
}

impl Profile {
    /// Returns the capabilities that DraftStore relies on.
    pub(super) fn believed(&self) -> Capabilities {
        let misjudged = self.misjudged.into_iter();
        misjudged.fold(self.honours, |believed, condition| {
            believed.with(condition, Support::Honoured)
        })
    }
}

/// The settings of checks: 0 for none, and others for those that reject one kind of bytes each.
pub(super) type Checks = u8;

/// The request of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spec {
    pub(super) draft_key: ObjectKey,
    pub(super) main_key: ObjectKey,
    pub(super) pins: Pins,
    pub(super) existing: Existing,
    pub(super) idempotency_key: Option<String>,
    /// The settings of checks when the confirm began.
    pub(super) checks: Checks,
}

impl Spec {
    /// Returns the digests of the request, as the service makes them.
    pub(super) fn digests(&self) -> MarkerDigests {
        let request = self.idempotency_key.as_ref().map(|key| RequestDigests {
            key: digest((&self.main_key, key)),
            request: digest((&self.main_key, key, &self.draft_key, &self.existing)),
        });
        MarkerDigests {
            draft: digest((&self.main_key, &self.draft_key)),
            request,
        }
    }
}

pub(super) fn digest(of: impl Hash) -> MarkerDigest {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&hasher.finish().to_be_bytes());
    MarkerDigest::new(bytes)
}

/// The fault of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    No,
    /// The store does nothing, and returns this error or no answer.
    Before(ErrorKind),
    /// The store performs the call, and its answer is lost.
    Lost,
    /// The answer is lost, and the store performs the call later.
    Late,
    /// The list shows an earlier state.
    Stale,
}

pub(super) fn is_unique(key: &ObjectKey) -> bool {
    DraftId::in_key(key).is_some()
}

/// The errors of the model's store, which have nothing but a kind.
impl StoreError for ErrorKind {
    fn kind(&self) -> ErrorKind {
        *self
    }
}
