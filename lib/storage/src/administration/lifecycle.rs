//! Removal by the store itself.

/// The ages, in days, at which the store removes things from a whole bucket by itself. `None`: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// The age of objects, since they were last modified.
    pub expire_after_days: Option<u32>,
    /// The age of multipart uploads in progress, since they were begun.
    pub abort_uploads_after_days: Option<u32>,
}
