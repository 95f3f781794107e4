//! The periodic check of the store and of this server's credentials, which readiness depends on.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_controller::Readiness;
use draftstore_s3::S3Storage;
use draftstore_service::Buckets;
use draftstore_storage::ErrorKind;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The timeout for the store's response.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Checks the store in every period, forever.
pub(crate) async fn run(storage: Arc<S3Storage>, buckets: Buckets, readiness: Readiness, period: Duration) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut was_ready, mut was_allowed) = (readiness.is_ready(), false);
    loop {
        ticks.tick().await;
        let left = storage.renew_credentials(SystemTime::now()).await;
        readiness.set_credentials_live(left.live());
        let answer = match timeout(TIMEOUT, storage.look(buckets.draft.name())).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.kind),
            Err(_) => Some(ErrorKind::Unavailable),
        };
        let success = match answer {
            Some(ErrorKind::Unavailable) => false,
            // Credentials without the right to list are always refused, so a refusal counts only after a success.
            Some(ErrorKind::CredentialsRefused) => !was_allowed,
            _ => {
                was_allowed = true;
                true
            }
        };
        readiness.record_heartbeat(success);
        if was_ready != readiness.is_ready() {
            was_ready = !was_ready;
            if was_ready {
                tracing::info!("ready");
            } else {
                tracing::warn!(store.reachable = success, credentials.live = left.live(), "not ready");
            }
        }
    }
}
