//! Keeping a draft: the protocol by which bytes get from draft to main.
//!
//! A confirm must hold under everything that happens to distributed calls: the process dies between two of them, an
//! answer is lost, two backends confirm at once, a client uploads again in the middle. The store is the only state, so
//! the confirm leaves its trace there, in the same act that makes the object: a `marker` in main's metadata says
//! which version of which draft it was made from. Whatever is unclear is resolved by reading the marker, not by guessing.
//!
//! 1. HEAD the draft. If it is gone, or not the one pinned, and main's marker names it, an earlier confirm succeeded:
//!    answer as that one did.
//! 2. Copy inside the store, with the marker, on condition that the draft still is the version that was looked at, and
//!    that main still is empty. Where something may be replaced, or the store does not honour that condition, HEAD main
//!    first: this draft's marker: go to 4. This confirm's idempotency key: answer as the earlier confirm did. Another
//!    object: refuse, or copy on condition that main still is that version. Over 5 GiB the copy is staged part by part,
//!    each on the same condition, and completed at once; where the store ignores that condition, after another look at the
//!    draft. So is, there, a draft whose `ETag` is not the sum of its bytes: once in main, it could not be told from others.
//! 3. A refused condition, a conflict, a time-out or a lost answer: HEAD main. This draft's marker: it succeeded. Another
//!    object: refuse. As it was: try again, a few times.
//! 4. HEAD main: size and checksum must be the draft's.
//! 5. Delete the draft, on condition that it still is that version. Failing here fails nothing: the sweep collects it.
//!
//! A crash after any step leaves either an untouched main, or a whole object with its marker; a repeated confirm
//! finishes the work. `machine` holds these rules, `plan` says what changes on stores that ignore a condition, `turn` how
//! the confirms of an atomic batch go together.

mod effect;
mod error;
mod machine;
mod marker;
mod plan;
mod request;
mod settlement;
mod staging;
mod turn;

pub use effect::{Answer, Effect, Kept, Step};
pub use error::{ConfirmError, Contradiction, Unresolved};
pub use machine::Protocol;
pub use marker::{BatchId, MARKER_PREFIX};
pub use plan::Plan;
pub use request::{Confirm, Existing, MAX_COPY_BYTES, Pins};
pub use settlement::settlement_key;
pub use staging::StagingNote;
pub use turn::Turn;
