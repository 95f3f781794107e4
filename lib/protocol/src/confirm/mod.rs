//! The protocol of a confirm, which moves a draft to main.
//!
//! A confirm must be correct whatever happens to distributed calls: the process dies between two of them, an answer is
//! lost, two backends confirm at once, a client uploads again in the middle. The store is the only state. So the same
//! call that makes the object writes a `marker` to its metadata, which names the draft and its version. Every unclear
//! state is resolved by reading the marker, never by guessing.
//!
//! 1. HEAD the draft. If it does not exist, or does not match the pins, and main's marker names it, an earlier confirm
//!    succeeded: return the same result, if its object matches the pins.
//!    Where checks are configured, get the verdict on that version. If it is not accepted, and main has no object that was
//!    made from it, fail. Every later version needs a verdict of its own.
//! 2. Copy inside the store, with the marker, on condition that the draft is still the version of step 1, and that main
//!    is still empty. If an object may be replaced, or the store ignores that condition, HEAD main first. With this
//!    draft's marker: go to step 4. With this confirm's idempotency key: return the result of the earlier confirm, if its
//!    object matches the pins, and fail if it was another request. Any other object: fail, or copy on condition that main is still that version. Over 5 GiB the copy is staged part by
//!    part, each part on the same condition, and completed at once; if the store ignores that condition, after another
//!    HEAD of the draft. On such a store, all drafts are staged: once in main, a copy of another version could not be
//!    told apart.
//! 3. After a failed condition, a conflict, a timeout or a lost answer: HEAD main. With this draft's marker: the copy
//!    succeeded. Another object: fail. No change: try again, a few times.
//! 4. HEAD main: size and checksum must equal the draft's.
//! 5. Answer. The draft is then deleted, on condition that it is still that version, together with those of other
//!    confirms. Nothing depends on it: until then, a repeat is answered by the marker, and the sweep removes a draft that
//!    an error or a crash leaves. Where a delete has no condition, HEAD the draft and delete it before the answer.
//!
//! A crash after any step leaves either main unchanged, or a complete object with its marker. A repeated confirm
//! finishes the work. `machine` has these rules, `plan` the differences for stores that ignore a condition, `turn` the
//! order of the confirms of an atomic batch, and `removals` the deletes after the answers.

mod agreement;
mod effect;
mod error;
mod machine;
mod marker;
mod plan;
mod removals;
mod request;
mod settlement;
mod staging;
mod turn;

pub use agreement::Agreement;
pub use effect::{Answer, Effect, Kept, Step};
pub use error::{ConfirmError, Contradiction, Unresolved};
pub use machine::Protocol;
pub(crate) use machine::{HELD_FOR, may_undo_swap};
pub use marker::{BatchId, MARKER_PREFIX, MarkerDigest, MarkerDigests, Origin, Provenance, RequestDigests};
pub(crate) use marker::{
    COPIED, RESTORED, SOURCE_ETAG, UPDATED, copied_etag, has_key, held_by, is_copied_by, is_restored_by, mark_copied,
    mark_updated, restored,
};
pub use plan::Plan;
pub use removals::{DraftDeletes, RemovalBounds, Removals};
pub use request::{Confirm, Existing, MAX_COPY_BYTES, Pins};
pub use settlement::settlement_key;
pub use staging::StagingNote;
pub use turn::Turn;
