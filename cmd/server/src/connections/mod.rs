//! Both ports' connections: accepted, held to limits, and ended.
//!
//! `axum::serve` would keep a client for ever that sends nothing, or half of something, or does not read. Every connection
//! here is waited for so long and no longer (see [`watch`]), there are so many of them and no more, and an accept that
//! fails is tried again.

mod answer;
mod connection;
mod io;
mod watch;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use draftstore_runtime::config::ConnectionLimits;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Connection;

/// After a failed accept: most often the process is out of descriptors, and at once it would fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of both ports have in common. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    limits: ConnectionLimits,
    slots: Arc<Semaphore>,
}

impl Connections {
    /// Held to these limits.
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        Self {
            limits,
            slots: Arc::new(Semaphore::new(limits.max_connections)),
        }
    }

    /// Accepts until the shutdown begins, and ends when all connections have: those without a request at once, the others
    /// with the answers that are under way.
    pub(crate) async fn serve(self, listener: TcpListener, router: Router, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_the_clients(error.kind()) => continue,
                Err(error) => {
                    tracing::error!(%error, "no connection can be accepted: trying again");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
                tracing::warn!(
                    limit = self.limits.max_connections,
                    "MAX_CONNECTIONS are open: refused one more"
                );
                continue;
            };
            // Small answers would wait some 40 ms for the acknowledgement of the ones before.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY cannot be set");
            }
            let connection = Connection {
                limits: self.limits,
                peer,
                router: router.clone(),
                shutdown: shutdown.clone(),
            };
            connections.spawn(async move {
                connection.serve(stream).await;
                drop(slot);
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

/// The client went away before it was accepted.
fn is_the_clients(kind: ErrorKind) -> bool {
    [
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
    ]
    .contains(&kind)
}
