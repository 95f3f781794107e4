//! The limits of checks.

use std::time::Duration;

/// The limits of the checks of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckLimits {
    /// The number of drafts that are read at the same time. Each check holds at most a few MiB.
    pub concurrent: usize,
    /// The number of drafts that are sent to the same scanner at the same time. One that hangs holds up no others.
    pub concurrent_scans: usize,
    /// The time that a confirm waits for the checks of its draft.
    pub wait: Duration,
    /// The timeout of the checks of one draft, with the time that they wait for others.
    pub timeout: Duration,
}

impl CheckLimits {
    /// The limits of a server that configures none.
    pub const DEFAULT: Self = Self {
        concurrent: 8,
        concurrent_scans: 8,
        wait: Duration::from_secs(3),
        timeout: Duration::from_secs(60),
    };
}

impl Default for CheckLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
