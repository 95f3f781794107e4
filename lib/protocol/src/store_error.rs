//! The errors of a store, as far as the state machines look at them.

use draftstore_storage as storage;
use draftstore_storage::ErrorKind;

/// An error that a call to the store ended in.
///
/// The state machines decide by its kind alone, and hand the error itself through to whoever drives them.
pub trait StoreError {
    /// Returns what the error means.
    fn kind(&self) -> ErrorKind;
}

impl StoreError for storage::Error {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}
