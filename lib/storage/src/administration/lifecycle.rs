//! Lifecycle rules of the buckets.

/// The ages, in days, at which the store itself removes objects and uploads from a bucket. `None` means never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// The maximum age of an object, from its last modification.
    pub expire_after_days: Option<u32>,
    /// The maximum age of a multipart upload in progress, from its start.
    pub abort_uploads_after_days: Option<u32>,
}

/// A rule by which objects in main move to another storage class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The prefix of the keys.
    pub prefix: String,
    /// The age of an object in days, from its last modification.
    pub days: u32,
    /// The storage class to move to, by the store's name.
    pub storage_class: String,
}

/// A rule by which the store removes versions of objects in main that are no longer the current ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoncurrentRule {
    /// The prefix of the keys. A rule may have further conditions, which are not known here.
    pub prefix: String,
    /// The days that a version is kept at least, from when it ceased to be the current one.
    pub days: u32,
}
