//! Objects that the server itself writes.

use crate::{DraftBucket, ObjectKey};

/// A request to write a small object of the server into the draft bucket.
#[derive(Debug, Clone, Copy)]
pub struct PutDraft<'a> {
    /// The bucket of the object.
    pub bucket: &'a DraftBucket,
    /// The key of the object.
    pub key: &'a ObjectKey,
    /// The whole content of the object.
    pub bytes: &'a [u8],
}
