//! A transfer that may take hours, but must not stand still.

use std::pin::pin;
use std::time::Duration;

use super::Meter;

/// A transfer that moves no byte for so long is broken off. Longer than a store takes to acknowledge a large part.
const STALL: Duration = Duration::from_secs(120);

/// Runs the transfer; none when it stood still.
pub(crate) async fn unless_stalled<T>(transfer: impl Future<Output = T>, meter: &Meter) -> Option<T> {
    let mut transfer = pin!(transfer);
    loop {
        let before = meter.taken();
        let ended = tokio::time::timeout(STALL, &mut transfer).await;
        if ended.is_ok() || before == meter.taken() {
            return ended.ok();
        }
    }
}
