//! The body of a response on a watched connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::body::{Body, Frame, SizeHint};

use super::watch::ActiveRequest;

/// A response body that keeps its request in flight until it is dropped.
#[derive(Debug)]
pub(super) struct WatchedBody<B> {
    body: B,
    request: ActiveRequest,
}

impl<B> WatchedBody<B> {
    /// Wraps a body. From now on the connection waits for the client to read it.
    pub(super) fn new(body: B, request: ActiveRequest) -> Self {
        request.waits_for_client(Instant::now());
        Self { body, request }
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
            self.request.waits_for_client(Instant::now());
        } else {
            self.request.waits_for_server();
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
