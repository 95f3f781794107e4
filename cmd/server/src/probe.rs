//! The probe of the store's conditions, repeated in the background until it succeeds, while the server already serves.

use std::time::Duration;

use draftstore_controller::{Readiness, StoreStatus};
use draftstore_service::Store;
use draftstore_service::safety;
use draftstore_storage::ErrorKind;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// The time that the start of the server waits for the first probe. A reachable store needs a fraction of it.
const FIRST_PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The backoff after the first probe. It doubles after each further one.
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);

/// The maximum backoff. The server relies on the store's conditions at most this long after the store has recovered, or its
/// buckets were created.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Waits for the first probe, and repeats it in the background until it succeeds. Until then the server relies on no
/// condition.
pub(crate) async fn begin(store: Store, endpoint: String, readiness: Readiness) -> AbortOnDropHandle<()> {
    let (done, first_probe) = oneshot::channel();
    let probing = AbortOnDropHandle::new(tokio::spawn(probe_until_known(store, endpoint, readiness, done)));
    if timeout(FIRST_PROBE_TIMEOUT, first_probe).await.is_err() {
        tracing::warn!(timeout_s = FIRST_PROBE_TIMEOUT.as_secs(), "first store probe timed out");
    }
    probing
}

async fn probe_until_known(store: Store, endpoint: String, readiness: Readiness, done: oneshot::Sender<()>) {
    let mut is_known = probe(&store, &endpoint, &readiness).await;
    // The receiver may have timed out.
    let _ = done.send(());
    let mut backoff = INITIAL_BACKOFF;
    while !is_known {
        sleep(backoff).await;
        is_known = probe(&store, &endpoint, &readiness).await;
        backoff = (backoff * 2).min(MAX_BACKOFF);
    }
}

/// Probes the store once, and returns whether its conditions are known now.
async fn probe(store: &Store, endpoint: &str, readiness: &Readiness) -> bool {
    let status = match safety::probe(store).await {
        Ok(()) if store.profile.capabilities().can_confirm() => StoreStatus::Probed,
        Ok(()) => StoreStatus::CannotConfirm,
        Err(error) => {
            let (status, remedy) = (status(error.kind), safety::remedy(error.kind));
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, endpoint, remedy, "store probe failed; no condition assumed");
            status
        }
    };
    readiness.set_store_status(status);
    store.profile.probed().is_some()
}

fn status(kind: ErrorKind) -> StoreStatus {
    match kind {
        ErrorKind::Unavailable => StoreStatus::Unreachable,
        ErrorKind::CredentialsRefused => StoreStatus::CredentialsRefused,
        ErrorKind::BucketNotFound => StoreStatus::BucketMissing,
        ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Archived
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => StoreStatus::NotProbed,
    }
}
