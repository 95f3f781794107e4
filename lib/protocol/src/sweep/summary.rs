//! The result of a sweep.

use std::fmt;
use std::time::Duration;

/// The figures of one sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Summary {
    /// The number of drafts and uploads in progress that were listed.
    pub scanned: u64,
    /// The number of listed drafts and uploads that had expired.
    pub expired: u64,
    /// The number of drafts deleted and uploads aborted, which is 0 in a dry run.
    pub deleted: u64,
    /// The number of expired drafts and uploads that could not be removed, and of uploads that could not be completed.
    pub failed: u64,
    /// The number of uploads that were completed, because their clients are gone.
    pub completed: u64,
    /// The size of the deleted drafts in bytes. The size of aborted uploads is not known.
    pub bytes: u64,
    /// The brake that stopped the sweep early, if one did.
    pub brake: Option<Brake>,
    /// The duration of the sweep.
    pub elapsed: Duration,
}

/// The brake that stopped a sweep: see [`super::Brakes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Brake {
    /// The sweep removed as much as it may, and more has expired.
    MaxDelete,
    /// An implausible fraction had expired, so the sweep removed only as much as it may.
    MaxDeleteFraction,
}

impl fmt::Display for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxDelete => "stopped at MAX_DELETE, the next sweeps delete the rest",
            Self::MaxDeleteFraction => "stopped at MAX_DELETE_FRACTION, the next sweeps delete the rest",
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
        if self.completed > 0 {
            write!(f, "; completed {} uploads", self.completed)?;
        }
        match self.brake {
            Some(brake) => write!(f, "; {brake}"),
            None => Ok(()),
        }
    }
}
