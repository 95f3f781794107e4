//! The errors of a store, as the state machines see them.

use draftstore_storage as storage;
use draftstore_storage::ErrorKind;

/// An error of a call to the store.
///
/// The state machines only look at its kind, and return the error itself to their driver.
pub trait StoreError {
    /// Returns the meaning of the error.
    fn kind(&self) -> ErrorKind;
}

impl StoreError for storage::Error {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}
