//! The body of an answer whose connection is watched.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::body::{Body, Frame, SizeHint};

use super::watch::UnderWay;

/// Its request is under way until it is dropped.
#[derive(Debug)]
pub(super) struct WatchedBody<B> {
    body: B,
    request: UnderWay,
}

impl<B> WatchedBody<B> {
    /// That a client is to take from now on.
    pub(super) fn new(body: B, request: UnderWay) -> Self {
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
