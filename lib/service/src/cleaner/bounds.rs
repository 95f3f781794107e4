//! How much of a sweep is under way at once.

/// The bounds of one sweep, which hold its memory and its load on the store whatever the bucket holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Lists of drafts that are under way at once. A store takes long to answer one and can answer many at a time.
    pub(crate) lists: usize,
    /// Calls under way at once that delete many drafts.
    pub(crate) deletes: usize,
    /// Drafts in one such call, uploads that are aborted together, and drafts on a page. S3's limit.
    pub(crate) batch: usize,
    /// Expired drafts that wait to be deleted or are being deleted, and what lists under way may bring: where there would be
    /// more, no list is begun. At least three batches, or a sweep could wait for itself.
    pub(crate) in_hand: usize,
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
