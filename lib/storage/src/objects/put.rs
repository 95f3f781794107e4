//! Objects of the server's own.

use crate::{DraftBucket, ObjectKey};

/// A small object that the server itself puts into the draft bucket.
#[derive(Debug, Clone, Copy)]
pub struct PutDraft<'a> {
    /// The bucket of the object.
    pub bucket: &'a DraftBucket,
    /// The key of the object.
    pub key: &'a ObjectKey,
    /// The content, as a whole.
    pub bytes: &'a [u8],
}
