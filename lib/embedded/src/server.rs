//! The listener: accepts connections, answers them, and stops in bounded time.

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

use crate::front::Front;
use crate::tasks::Tasks;

/// More wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// For the head of a request, and so for an idle connection.
const HEADER_TIME: Duration = Duration::from_secs(60);
/// For requests under way when a stop is asked for.
const GRACE: Duration = Duration::from_secs(10);
/// After a failed accept: most often the process is out of descriptors, and at once it would fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Of a request that is read ahead, per connection. Bytes.
const READ_BUFFER: usize = 256 * 1024;

/// What stops the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// No more requests; those under way may end.
    pub(crate) gently: CancellationToken,
    /// Those under way end here.
    pub(crate) now: CancellationToken,
}

/// Serves until told to stop and all connections have ended.
pub(crate) async fn serve(listener: TcpListener, front: Arc<Front>, tasks: Tasks, stop: Stop) {
    let connections = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.gently.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Ok((stream, slot)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Small answers go out at once; where that cannot be set they go out a little later.
        let _ = stream.set_nodelay(true);
        let front = Arc::clone(&front);
        let service = service_fn(move |request| {
            let front = Arc::clone(&front);
            async move { Ok::<_, Infallible>(front.answer(request).await) }
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
        let now = stop.now.clone();
        let until_end = async move {
            tokio::select! {
                // A connection that breaks is its client's affair.
                _ = connection => {}
                () = now.cancelled() => {}
            }
            drop(slot);
        };
        tasks.spawn(until_end.with_subscriber(tracing::Dispatch::none()));
    }
    drop(listener);
    let all_ended = tokio::time::timeout(GRACE, connections.shutdown());
    tokio::select! {
        _ = all_ended => {}
        () = stop.now.cancelled() => {}
    }
    stop.now.cancel();
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}
