//! Looking at the store until it is known what it enforces, while the server already serves.

use std::time::Duration;

use draftstore_controller::{Readiness, StoreStatus};
use draftstore_runtime::safety;
use draftstore_service::Store;
use draftstore_storage::ErrorKind;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// How long the server waits for the first look before it says that it is ready. A store in reach needs a fraction.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between the first look and the second; the pauses double from then on.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause: so soon after a store came back, or its buckets were made, everything it honours is relied on.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Waits for the first look, and goes on in the background where that did not tell enough. Until then nothing is relied
/// on.
pub(crate) async fn begin(store: Store, readiness: Readiness) -> AbortOnDropHandle<()> {
    let (looked, first_look) = oneshot::channel();
    let looking = AbortOnDropHandle::new(tokio::spawn(keep_looking(store, readiness, looked)));
    if timeout(PATIENCE, first_look).await.is_err() {
        tracing::warn!(
            "the store has not answered in {} s: no longer waiting for it",
            PATIENCE.as_secs()
        );
    }
    looking
}

async fn keep_looking(store: Store, readiness: Readiness, looked: oneshot::Sender<()>) {
    let mut is_known = look(&store, &readiness).await;
    // Nobody may be waiting any more.
    let _ = looked.send(());
    let mut pause = FIRST_PAUSE;
    while !is_known {
        sleep(pause).await;
        is_known = look(&store, &readiness).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether it is known now what the store enforces.
async fn look(store: &Store, readiness: &Readiness) -> bool {
    let seen = match safety::probe(store).await {
        Ok(()) => StoreStatus::Probed,
        Err(error) => {
            let seen = seen(error.kind);
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "the store cannot be probed: no condition is relied on until it can"
            );
            seen
        }
    };
    readiness.set_store_status(seen);
    seen == StoreStatus::Probed
}

fn seen(kind: ErrorKind) -> StoreStatus {
    match kind {
        ErrorKind::Unavailable => StoreStatus::Unreachable,
        ErrorKind::CredentialsRefused => StoreStatus::CredentialsRefused,
        ErrorKind::BucketNotFound => StoreStatus::BucketMissing,
        ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => StoreStatus::NotProbed,
    }
}
