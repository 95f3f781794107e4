//! Objects of the server's own.

use crate::{DraftBucket, ObjectKey};

/// A small object that the server itself puts into the draft bucket.
#[derive(Debug, Clone, Copy)]
pub struct PutDraft<'a> {
    /// The destination.
    pub bucket: &'a DraftBucket,
    /// Its key there.
    pub key: &'a ObjectKey,
    /// Its content.
    pub bytes: &'a [u8],
}
