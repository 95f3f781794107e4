//! What a sweep did.

use std::fmt;
use std::time::Duration;

/// The figures of one sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Drafts and uploads in progress that were looked at.
    pub scanned: u64,
    /// Those of them that had expired.
    pub expired: u64,
    /// Drafts deleted and uploads aborted. In a dry run: none.
    pub deleted: u64,
    /// Expired ones that could not be removed, and remain.
    pub failed: u64,
    /// Size of the drafts deleted, in bytes. What the parts of aborted uploads held is not known.
    pub bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "scanned {}, expired {}, deleted {}, failed {}, {} bytes, {:.3} seconds",
            self.scanned,
            self.expired,
            self.deleted,
            self.failed,
            self.bytes,
            self.elapsed.as_secs_f64()
        )
    }
}
