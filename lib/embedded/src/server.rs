//! The listener: serves connections within the limits of `lib/connections`, and shuts down in bounded time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use draftstore_connections::{ConnectionLimits, Connections, Ending, Handler, HostRules};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber as _;

use crate::frontend::Frontend;

/// The time that requests in progress have to finish on a graceful shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// The two stages of a shutdown.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShutdownSignal {
    /// Accepts no more requests. Those in progress may finish.
    pub(crate) graceful: CancellationToken,
    /// Ends the requests in progress.
    pub(crate) immediate: CancellationToken,
}

/// Serves until the shutdown is signalled and all connections have ended.
pub(crate) async fn serve(
    listener: TcpListener,
    frontend: Arc<Frontend>,
    limits: ConnectionLimits,
    hosts: Option<HostRules>,
    shutdown: ShutdownSignal,
) {
    let ending = Ending {
        draining: shutdown.graceful.child_token(),
        end: shutdown.graceful.clone(),
        abort: shutdown.immediate.clone(),
    };
    let handler = Handler::new(move |arrival| {
        let frontend = Arc::clone(&frontend);
        let response = async move { frontend.handle(arrival).await };
        Box::pin(response.with_subscriber(tracing::Dispatch::none()))
    });
    let connections = Connections::new(limits, None).with_host_rules(hosts).for_store();
    let mut serving = pin!(connections.serve(listener, handler, ending));
    tokio::select! {
        () = serving.as_mut() => return,
        () = shutdown.graceful.cancelled() => {}
    }
    if tokio::time::timeout(GRACE, serving.as_mut()).await.is_err() {
        shutdown.immediate.cancel();
        serving.await;
    }
}
