//! The source of a transfer.

use draftstore_storage::{ObjectInfo, StorageOptions};

/// An object that is copied, moved or updated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// The metadata of the object.
    pub info: ObjectInfo,
    /// The options with which the store keeps it.
    pub options: StorageOptions,
    /// The origin of the object, sealed for the destination. `None` if no confirm made the object.
    pub origin: Option<String>,
}
