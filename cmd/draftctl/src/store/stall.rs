//! Detection of stalled transfers. A transfer may take hours as long as it makes progress.

use std::pin::pin;
use std::time::Duration;

use super::TransferMeter;

/// The time without progress after which a transfer fails. Stores take less time to acknowledge a large part.
const STALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs the transfer, or returns `None` if it stalls.
pub(crate) async fn with_stall_timeout<T>(transfer: impl Future<Output = T>, meter: &TransferMeter) -> Option<T> {
    let mut transfer = pin!(transfer);
    loop {
        let previous = meter.transferred();
        let result = tokio::time::timeout(STALL_TIMEOUT, &mut transfer).await;
        if result.is_ok() || previous == meter.transferred() {
            return result.ok();
        }
    }
}
