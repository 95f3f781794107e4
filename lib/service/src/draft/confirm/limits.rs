//! What a confirm may take.

use std::time::Duration;

use draftstore_protocol::confirm::MAX_COPY_BYTES;

/// For one confirm with all its calls to the store: twice what a copy of 5 GiB may take.
pub const DEFAULT_CONFIRM_TIMEOUT: Duration = Duration::from_secs(600);

/// The bounds of a confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfirmLimits {
    /// A confirm that is not done by then is given up: the caller hears that the store is unavailable, and a repeat
    /// completes it.
    pub timeout: Duration,
    /// Larger drafts are copied part by part. Lower than [`MAX_COPY_BYTES`] in tests alone.
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
