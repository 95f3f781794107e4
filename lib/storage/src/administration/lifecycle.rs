//! Lifecycle rules of a bucket.

/// The ages, in days, at which the store itself removes objects and uploads from a bucket. `None` means never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// The maximum age of an object, from its last modification.
    pub expire_after_days: Option<u32>,
    /// The maximum age of a multipart upload in progress, from its start.
    pub abort_uploads_after_days: Option<u32>,
}
