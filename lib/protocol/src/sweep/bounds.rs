//! The bounds of what a sweep has under way at once.

/// The bounds of one sweep, which hold its memory and its load on the store whatever the bucket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// The number of lists of drafts that are under way at once. A store takes long to answer one and can answer many at a time.
    pub lists: usize,
    /// The number of calls that delete many drafts and are under way at once.
    pub deletes: usize,
    /// The number of drafts in one such call, of uploads that are aborted together, and of drafts on a page. S3's limit.
    pub batch: usize,
    /// The number of expired drafts that wait to be deleted or are being deleted, and that lists under way may bring: where
    /// there would be more, no list is begun. At least three batches, or a sweep could wait for itself.
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
