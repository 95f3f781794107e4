//! The bounds of a sweep's concurrency.

/// The bounds of one sweep, which limit its memory and its load on the store, however large the bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// The maximum number of concurrent lists of drafts. A store takes long to answer a list, but can answer many at a
    /// time.
    pub lists: usize,
    /// The maximum number of concurrent calls that delete drafts.
    pub deletes: usize,
    /// The number of drafts in one such call, of uploads that are aborted together, and of drafts on a page. It is S3's
    /// limit.
    pub batch: usize,
    /// The maximum number of expired drafts that wait for deletion, are being deleted, or may come from running lists.
    /// No list starts that would exceed it. It must be at least four batches, or a sweep could wait for itself.
    pub in_hand: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            lists: 16,
            deletes: 8,
            batch: 1_000,
            in_hand: 32_000,
        }
    }
}
