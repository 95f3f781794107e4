//! What a sweep did.

use std::fmt;
use std::time::Duration;

/// The figures of one sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
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
    /// The brake that ended it early, if one did.
    pub brake: Option<Brake>,
    /// How long it took.
    pub elapsed: Duration,
}

/// See [`super::Brakes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Brake {
    /// As much was removed as one sweep may remove; more has expired.
    MaxDelete,
    /// More had expired than is plausible: nothing was removed.
    MaxDeleteFraction,
}

impl fmt::Display for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxDelete => "MAX_DELETE was reached, and more has expired",
            Self::MaxDeleteFraction => "more than MAX_DELETE_FRACTION has expired, so nothing was removed",
        })
    }
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
        )?;
        match self.brake {
            Some(brake) => write!(f, "; {brake}"),
            None => Ok(()),
        }
    }
}
