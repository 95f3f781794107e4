//! What a store forgets by itself.

/// What the store removes from the whole of a bucket without being asked, by age in days. None: nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Objects, by the day on which they were last modified.
    pub expire_after_days: Option<u32>,
    /// Multipart uploads in progress, by the day on which they were begun.
    pub abort_uploads_after_days: Option<u32>,
}
