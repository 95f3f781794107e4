//! The rules of checks, confirms, sweeps and changes of confirmed objects as state machines: the input is an answer, the
//! output the next effect or the end.
//!
//! This crate owns the keys of the draft bucket, the IDs of unique drafts, the marker of a confirm in main, and every
//! decision about a draft: the order of calls to the store, what is retried, when a draft has expired, what stops a
//! sweep. It has no I/O, no clock and no log, and knows neither callers nor the names that they may use. The service
//! drives it. So does the model in `model`, which checks the invariants under every schedule.

pub mod checks;
pub mod confirm;
mod draft_id;
pub mod events;
pub mod kept;
mod keys;
#[cfg(test)]
mod model;
mod policy;
mod stage;
mod store_error;
pub mod sweep;
pub mod upload;
pub mod usage;

pub use draft_id::{DraftId, InvalidDraftId};
pub use keys::{REPLACED_PREFIX, RESERVED_PREFIX};
pub use policy::{InvalidPolicy, MAX_TTL, Policy};
pub use stage::Stage;
pub use store_error::StoreError;
