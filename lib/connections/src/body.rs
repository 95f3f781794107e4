//! The bodies of requests and responses: the one counts what it holds in memory, the other keeps its request in progress.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep, timeout};

use super::arrival::BodyOutOfMemory;
use super::client::RequestUsage;
use super::traffic::InFlight;
use super::watch::ActiveRequest;

/// The number of bytes of an unread body that are read and dropped, so that its connection stays open.
const MAX_LEFTOVER: usize = 64 * 1024;

/// The time for which the rest of an unread body is awaited.
const LEFTOVER_TIMEOUT: Duration = Duration::from_secs(1);

/// The body of a request as it arrives. The handler may leave it unread, and drop it.
#[derive(Debug, Clone)]
pub(super) struct ArrivingBody(Arc<Mutex<Incoming>>);

impl ArrivingBody {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the handler has left unread, and drops it. Returns `false` if that is long or comes late, so that the
    /// connection has to end with the response.
    ///
    /// Many clients send a body in a packet of its own. hyper would close the connection because of it, after a response
    /// that announces nothing, and the next request of the client would be lost. A client that awaits "100 Continue" sends no
    /// body after another answer.
    pub(super) async fn discard(self, awaits_continue: bool) -> bool {
        // A body that somebody still reads is not left.
        let Some(body) = Arc::into_inner(self.0) else {
            return true;
        };
        let mut body = body.into_inner().unwrap_or_else(PoisonError::into_inner);
        if body.is_end_stream() {
            return true;
        }
        if awaits_continue || body.size_hint().lower() > MAX_LEFTOVER as u64 {
            return false;
        }
        let read = async {
            let mut read = 0;
            while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                read += frame.map_or(usize::MAX, |frame| frame.data_ref().map_or(0, Bytes::len));
                if read > MAX_LEFTOVER {
                    return false;
                }
            }
            true
        };
        timeout(LEFTOVER_TIMEOUT, read).await.unwrap_or(false)
    }
}

impl Body for ArrivingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}

/// A request body whose bytes count as held in memory from their arrival until the request is done.
#[derive(Debug)]
pub(super) struct CountedBody {
    pub(super) body: ArrivingBody,
    pub(super) usage: Arc<RequestUsage>,
}

/// The memory that counts for a request, for a handler that holds more than the body has bytes. Every request of a port has
/// it as an extension.
#[derive(Debug, Clone)]
pub struct RequestMemory(pub(super) Arc<RequestUsage>);

impl RequestMemory {
    /// Counts bytes that the request holds until its response begins.
    ///
    /// # Errors
    /// [`BodyOutOfMemory`] if the process, the address or the caller holds too many.
    pub fn hold(&self, bytes: usize) -> Result<(), BodyOutOfMemory> {
        self.0.hold(bytes).map_err(|_| BodyOutOfMemory)
    }

    /// Counts the memory of the request for its authenticated caller too.
    ///
    /// # Errors
    /// [`BodyOutOfMemory`] if the caller holds too much.
    pub fn set_caller(&self, caller: &str) -> Result<(), BodyOutOfMemory> {
        self.0.set_caller(caller).map_err(|_| BodyOutOfMemory)
    }

    /// Returns `true` if the request was refused memory, for a reader of the body that does not get its error.
    pub fn is_exhausted(&self) -> bool {
        self.0.is_exhausted()
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map(|frame| {
            let frame = match frame? {
                Ok(frame) => frame,
                Err(error) => return Some(Err(error.into())),
            };
            let held = frame.data_ref().map_or(Ok(()), |data| self.usage.hold(data.len()));
            Some(held.map(|()| frame).map_err(|_| BodyOutOfMemory.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request body that a handler streams to somewhere else, with a timeout for each pause of the client.
#[derive(Debug)]
pub(super) struct StreamedBody {
    body: ArrivingBody,
    timeout: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl StreamedBody {
    pub(super) fn new(body: ArrivingBody, timeout: Duration) -> Self {
        Self {
            body,
            timeout,
            pause: None,
        }
    }
}

impl Body for StreamedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.pause = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let timeout = self.timeout;
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(timeout)));
        pause
            .as_mut()
            .poll(cx)
            .map(|()| Some(Err("the client has paused for too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The guards of a request, dropped at the end of its response.
#[derive(Debug)]
pub(super) struct RequestGuards {
    pub(super) active: ActiveRequest,
    pub(super) usage: Option<Arc<RequestUsage>>,
    pub(super) _in_flight: InFlight,
}

/// A response body that keeps its request in flight until it is dropped.
#[derive(Debug)]
pub(super) struct WatchedBody<B> {
    body: B,
    guards: RequestGuards,
}

impl<B> WatchedBody<B> {
    /// Wraps a body. From now on the connection waits for the client to read it.
    pub(super) fn new(body: B, guards: RequestGuards) -> Self {
        guards.active.waits_for_client(Instant::now());
        Self { body, guards }
    }
}

impl<B: Body + Unpin> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.guards.active.waits_for_client(Instant::now());
        } else {
            self.guards.active.waits_for_server();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
