//! Objects that the server itself writes.

use crate::{Attributes, DraftBucket, ObjectKey};

/// A request to write a small object of the server into the draft bucket.
#[derive(Debug, Clone, Copy)]
pub struct PutDraft<'a> {
    /// The bucket of the object.
    pub bucket: &'a DraftBucket,
    /// The key of the object.
    pub key: &'a ObjectKey,
    /// The whole content of the object.
    pub bytes: &'a [u8],
    /// The headers and user metadata of the object.
    pub attributes: &'a Attributes,
    /// Set to write only if there is no object under the key. A store may ignore this condition.
    pub if_absent: bool,
}
