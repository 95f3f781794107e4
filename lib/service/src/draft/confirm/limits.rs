//! The limits of a confirm.

use std::time::Duration;

use draftstore_protocol::confirm::MAX_COPY_BYTES;

/// The default timeout of a confirm with all its calls to the store: twice the timeout of a copy of 5 GiB.
pub const DEFAULT_CONFIRM_TIMEOUT: Duration = Duration::from_secs(600);

/// The limits of a confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfirmLimits {
    /// The timeout of a confirm. The caller then gets [`Error::StoreUnavailable`](crate::Error::StoreUnavailable), and
    /// a repeat completes the confirm.
    pub timeout: Duration,
    /// The size in bytes above which drafts are copied in parts. Less than [`MAX_COPY_BYTES`] only in tests.
    pub max_copy_bytes: u64,
}

impl Default for ConfirmLimits {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_CONFIRM_TIMEOUT,
            max_copy_bytes: MAX_COPY_BYTES,
        }
    }
}
