//! The periodic check of the store and of this server's credentials, which readiness depends on.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_connections::Connections;
use draftstore_controller::Readiness;
use draftstore_s3::S3Storage;
use draftstore_service::Buckets;
use draftstore_storage::{ErrorKind, MainBucket};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The timeout for the store's response.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The check of a store.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pub(crate) storage: Arc<S3Storage>,
    pub(crate) buckets: Buckets,
    /// The connections of the embedded store's clients. The server's own calls do not need them.
    pub(crate) clients: Option<Connections>,
    pub(crate) readiness: Readiness,
}

impl Heartbeat {
    /// Checks the store in every period, forever.
    pub(crate) async fn run(self, period: Duration) {
        let Self {
            storage,
            buckets,
            clients,
            readiness,
        } = self;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watched: Vec<_> = std::iter::once(buckets.draft.name())
            .chain(buckets.destinations.iter().map(MainBucket::name))
            .collect();
        let (mut was_ready, mut was_allowed) = (readiness.is_ready(), vec![false; watched.len()]);
        loop {
            ticks.tick().await;
            let left = storage.renew_credentials(SystemTime::now()).await;
            readiness.set_credentials_live(left.live());
            let mut success = true;
            for (bucket, was_allowed) in watched.iter().zip(&mut was_allowed) {
                let answer = match timeout(TIMEOUT, storage.look(bucket)).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.kind),
                    Err(_) => Some(ErrorKind::Unavailable),
                };
                success &= match answer {
                    Some(ErrorKind::Unavailable) => false,
                    // Credentials without the right to list are always refused, so a refusal counts only after a success.
                    Some(ErrorKind::CredentialsRefused) => !*was_allowed,
                    _ => {
                        *was_allowed = true;
                        true
                    }
                };
            }
            let is_full = clients.as_ref().is_some_and(Connections::is_full);
            readiness.record_heartbeat(success && !is_full);
            if was_ready != readiness.is_ready() {
                was_ready = !was_ready;
                if was_ready {
                    tracing::info!("ready");
                } else {
                    tracing::warn!(
                        store.reachable = success,
                        store.full = is_full,
                        credentials.live = left.live(),
                        "not ready"
                    );
                }
            }
        }
    }
}
