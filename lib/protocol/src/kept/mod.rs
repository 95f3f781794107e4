//! The protocols of what changes an object in main after its confirm.
//!
//! One rule holds for all: of two calls that race for an object, the one that loses gets an error, and neither removes
//! bytes that it has not seen. So every change insists on the version that the call has looked up, and every unclear
//! answer of the store is resolved by another lookup. Where a store ignores the condition, the driver holds the lock of the
//! name, which confirms take too.

mod delete;
mod keep;
mod replaced;
mod restore;
mod transfer;
mod transition;

pub use delete::{Answer, Delete, DeleteError, Deleted, Deletion, Effect, Step};
pub use keep::{Keep, KeepAnswer, KeepEffect, KeepError, KeepStep, Keeping};
pub use replaced::ReplacedId;
pub use restore::{
    Expected, Restore, RestoreAnswer, RestoreEffect, RestoreError, RestoreStep, Restored, Restoring, Version,
};
pub use transfer::{
    Changes, Removed, Source, Transfer, TransferAnswer, TransferEffect, TransferError, TransferKind, TransferStep,
    Transferred, Transferring,
};
pub use transition::{ARCHIVE_CLASSES, due_transition};
