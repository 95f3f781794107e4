//! The limits of a confirm.

use std::time::Duration;

use draftstore_protocol::confirm::{MAX_COPY_BYTES, RemovalBounds};

/// The default timeout of a confirm with all its calls to the store: twice the timeout of a copy of 5 GiB.
pub const DEFAULT_CONFIRM_TIMEOUT: Duration = Duration::from_secs(600);

/// The limits of the drafts that wait to be deleted. A call deletes at most 1,000 objects. 4,096 keys with their `ETag`s
/// have at most 5 MiB.
const REMOVALS: RemovalBounds = RemovalBounds {
    drafts: 4096,
    batch: 1000,
};

/// The limits of a confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfirmLimits {
    /// The timeout of a confirm. The caller then gets [`Error::StoreUnavailable`](crate::Error::StoreUnavailable), and
    /// a repeat completes the confirm.
    pub timeout: Duration,
    /// The size in bytes above which drafts are copied in parts. Less than [`MAX_COPY_BYTES`] only in tests.
    pub max_copy_bytes: u64,
    /// The limits of the confirmed drafts that wait to be deleted. Lower only in tests.
    pub removals: RemovalBounds,
}

impl ConfirmLimits {
    /// The limits of a server that configures none.
    pub const DEFAULT: Self = Self {
        timeout: DEFAULT_CONFIRM_TIMEOUT,
        max_copy_bytes: MAX_COPY_BYTES,
        removals: REMOVALS,
    };
}

impl Default for ConfirmLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
