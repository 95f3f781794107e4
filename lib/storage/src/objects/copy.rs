//! Copies of drafts into main.

use crate::{Attributes, DraftBucket, ETag, MainBucket, ObjectKey};

/// A copy of one version of a draft into main.
#[derive(Debug, Clone)]
pub struct CopyToMain<'a> {
    /// The bucket of the draft.
    pub draft_bucket: &'a DraftBucket,
    /// The key of the draft.
    pub draft_key: &'a ObjectKey,
    /// Copy only this version (`x-amz-copy-source-if-match`).
    pub draft_etag: &'a ETag,
    /// The bucket of the copy.
    pub main_bucket: &'a MainBucket,
    /// The key of the copy.
    pub main_key: &'a ObjectKey,
    /// The condition on that key.
    pub if_destination: IfDestination<'a>,
    /// All attributes to store beside the bytes; none is taken over from the draft by itself.
    pub attributes: &'a Attributes,
}

/// The condition on a copy's destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfDestination<'a> {
    /// Nothing is there (`If-None-Match: *`).
    Absent,
    /// Exactly this version is there (`If-Match`).
    Matches(&'a ETag),
}
