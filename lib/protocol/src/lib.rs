//! The rules of confirm and sweep, as state machines: an answer goes in, the next effect or the end comes out.
//!
//! This crate owns the keys of the draft bucket, the IDs of unique drafts, the marker that a confirm leaves in main, and
//! everything that decides what happens to a draft: in which order the store is called, what is retried, when a draft has
//! expired, what stops a sweep. It must not know how a call is made, what time it is, or who asks: it has no I/O, no clock
//! and no log, and neither callers nor the names that they may use. The service drives it, and so does the model in
//! `model`, which checks the invariants under every schedule.

pub mod confirm;
mod draft_id;
mod keys;
#[cfg(test)]
mod model;
mod policy;
mod store_error;
pub mod sweep;
pub mod upload;

pub use draft_id::{DraftId, InvalidDraftId};
pub use keys::RESERVED_PREFIX;
pub use policy::{InvalidPolicy, MAX_TTL, Policy};
pub use store_error::StoreError;
