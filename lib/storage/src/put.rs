//! Objects of the server's own.

use crate::{DraftBucket, ObjectKey};

/// A small object that the server itself puts into the draft bucket.
#[derive(Debug, Clone, Copy)]
pub struct PutDraft<'a> {
    /// Where it goes.
    pub bucket: &'a DraftBucket,
    /// Its key there.
    pub key: &'a ObjectKey,
    /// The whole of it.
    pub bytes: &'a [u8],
}
