//! The listener: accepts and serves connections, and shuts down in bounded time.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber as _;

use crate::frontend::Frontend;
use crate::tasks::Tasks;

/// The maximum number of open connections. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// The time limit for the head of a request, and therefore for an idle connection.
const HEADER_TIME: Duration = Duration::from_secs(60);
/// The time that requests in progress have to finish on a graceful shutdown.
const GRACE: Duration = Duration::from_secs(10);
/// The pause after a failed accept. The usual cause is a lack of file descriptors, so that a retry would fail at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The read buffer of a connection, in bytes.
const READ_BUFFER: usize = 256 * 1024;

/// The two stages of a shutdown.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShutdownSignal {
    /// Accepts no more requests. Those in progress may finish.
    pub(crate) graceful: CancellationToken,
    /// Ends the requests in progress.
    pub(crate) immediate: CancellationToken,
}

/// Serves until the shutdown is signalled and all connections have ended.
pub(crate) async fn serve(listener: TcpListener, frontend: Arc<Frontend>, tasks: Tasks, shutdown: ShutdownSignal) {
    let connections = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = shutdown.graceful.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let Ok((stream, permit)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Sends small responses immediately. If the option cannot be set, they are sent with a small delay.
        let _ = stream.set_nodelay(true);
        let frontend = Arc::clone(&frontend);
        let service = service_fn(move |request| {
            let frontend = Arc::clone(&frontend);
            async move { Ok::<_, Infallible>(frontend.handle(request).await) }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_buf_size(READ_BUFFER);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(HEADER_TIME);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        let immediate = shutdown.immediate.clone();
        let serve_connection = async move {
            tokio::select! {
                // An error of a connection concerns only its client.
                _ = connection => {}
                () = immediate.cancelled() => {}
            }
            drop(permit);
        };
        tasks.spawn(serve_connection.with_subscriber(tracing::Dispatch::none()));
    }
    drop(listener);
    let all_ended = tokio::time::timeout(GRACE, connections.shutdown());
    tokio::select! {
        _ = all_ended => {}
        () = shutdown.immediate.cancelled() => {}
    }
    shutdown.immediate.cancel();
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}
