//! The listeners: they serve connections within the limits of `lib/connections`, and shut down in bounded time.
//!
//! The program itself has a listener of its own, so that its calls neither wait for clients nor count as one of them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use draftstore_connections::{ConnectionLimits, Connections, Ending, Handler, HostRules};
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber as _;

use crate::frontend::Frontend;

/// The time that requests in progress have to finish on a graceful shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// The maximum number of connections of the program itself.
const MAX_OWN_CONNECTIONS: usize = 1024;

/// A listener, and the connections that it accepts.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) listener: TcpListener,
    pub(crate) connections: Connections,
}

impl Port {
    /// The port for clients.
    pub(crate) fn public(listener: TcpListener, limits: ConnectionLimits, hosts: Option<HostRules>) -> Self {
        Self {
            listener,
            connections: Connections::new(limits, None).with_host_rules(hosts).for_store(),
        }
    }

    /// The port for the program itself, which has one address and no rate limit.
    pub(crate) fn own(listener: TcpListener, limits: &ConnectionLimits) -> Self {
        let limits = ConnectionLimits {
            max_connections: MAX_OWN_CONNECTIONS,
            max_connections_per_address: MAX_OWN_CONNECTIONS,
            address_rate: None,
            trusted_proxies: None,
            ..limits.clone()
        };
        Self::public(listener, limits, Some(HostRules::new([])))
    }

    async fn serve(self, frontend: Arc<Frontend>, ending: Ending) {
        let handler = Handler::new(move |arrival| {
            let frontend = Arc::clone(&frontend);
            let response = async move { frontend.handle(arrival).await };
            Box::pin(response.with_subscriber(tracing::Dispatch::none()))
        });
        self.connections.serve(self.listener, handler, ending).await;
    }
}

/// The two stages of a shutdown.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShutdownSignal {
    /// Accepts no more requests. Those in progress may finish.
    pub(crate) graceful: CancellationToken,
    /// Ends the requests in progress.
    pub(crate) immediate: CancellationToken,
}

/// Serves until the shutdown is signalled and all connections have ended.
pub(crate) async fn serve(ports: [Port; 2], frontend: Arc<Frontend>, shutdown: ShutdownSignal) {
    let ending = Ending {
        draining: shutdown.graceful.child_token(),
        end: shutdown.graceful.clone(),
        abort: shutdown.immediate.clone(),
    };
    let ports = ports.map(|port| port.serve(Arc::clone(&frontend), ending.clone()));
    let mut serving = pin!(join_all(ports));
    tokio::select! {
        _ = serving.as_mut() => return,
        () = shutdown.graceful.cancelled() => {}
    }
    if timeout(GRACE, serving.as_mut()).await.is_err() {
        shutdown.immediate.cancel();
        serving.await;
    }
}
