//! Looking, again and again, whether the store answers and this server's credentials live.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_controller::Readiness;
use draftstore_s3::S3Storage;
use draftstore_service::Buckets;
use draftstore_storage::ErrorKind;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The store has so long to say that its bucket is there, or is not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks every so often, for ever.
pub(crate) async fn keep_listening(storage: Arc<S3Storage>, buckets: Buckets, readiness: Readiness, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut was_ready, mut may_ask) = (readiness.is_ready(), false);
    loop {
        ticks.tick().await;
        let left = storage.renew_credentials(SystemTime::now()).await;
        readiness.set_credentials_live(left.live());
        let answer = match timeout(PATIENCE, storage.look(buckets.draft.name())).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.kind),
            Err(_) => Some(ErrorKind::Unavailable),
        };
        let answers = match answer {
            Some(ErrorKind::Unavailable) => false,
            // Who may not list is told so: that counts only where it was allowed before.
            Some(ErrorKind::CredentialsRefused) => !may_ask,
            _ => {
                may_ask = true;
                true
            }
        };
        readiness.record_heartbeat(answers);
        if was_ready != readiness.is_ready() {
            was_ready = !was_ready;
            if was_ready {
                tracing::info!("requests may be sent here");
            } else {
                tracing::warn!(
                    store.answers = answers,
                    credentials.live = left.live(),
                    "requests had better not be sent here"
                );
            }
        }
    }
}
