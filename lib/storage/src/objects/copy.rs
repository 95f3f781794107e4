//! Copies of drafts into main.

use crate::{Attributes, DraftBucket, ETag, MainBucket, ObjectKey};

/// A request to copy one version of a draft into main.
#[derive(Debug, Clone)]
pub struct CopyToMain<'a> {
    /// The bucket of the draft.
    pub draft_bucket: &'a DraftBucket,
    /// The key of the draft.
    pub draft_key: &'a ObjectKey,
    /// The version to copy. Sent as `x-amz-copy-source-if-match`.
    pub draft_etag: &'a ETag,
    /// The bucket of the new object.
    pub main_bucket: &'a MainBucket,
    /// The key of the new object.
    pub main_key: &'a ObjectKey,
    /// The condition on the destination.
    pub if_destination: IfDestination<'a>,
    /// The headers and user metadata of the new object. None are taken over from the draft.
    pub attributes: &'a Attributes,
}

/// A condition on the destination of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfDestination<'a> {
    /// The key is free (`If-None-Match: *`).
    Absent,
    /// The key holds exactly this version (`If-Match`).
    Matches(&'a ETag),
}

/// A request to copy one version of an object in main to another key, or onto itself.
#[derive(Debug, Clone)]
pub struct CopyInMain<'a> {
    /// The bucket of both objects.
    pub bucket: &'a MainBucket,
    /// The key of the source.
    pub source_key: &'a ObjectKey,
    /// The version to copy. Sent as `x-amz-copy-source-if-match`.
    pub source_etag: &'a ETag,
    /// The key of the new object.
    pub key: &'a ObjectKey,
    /// The condition on the destination.
    pub if_destination: IfDestination<'a>,
    /// The headers, user metadata and options of the new object. None are taken over from the source.
    pub attributes: &'a Attributes,
    /// Set if the source has tags, which the store would take over otherwise.
    pub source_has_tags: bool,
}
