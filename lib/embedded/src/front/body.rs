//! A request's body that comes back when nobody reads it to its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

/// Behaves as the body it wraps.
#[derive(Debug)]
pub(super) struct Returned {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

/// Where an unread body arrives.
#[derive(Debug)]
pub(super) struct Unread(oneshot::Receiver<Incoming>);

impl Returned {
    pub(super) fn new(body: Incoming) -> (Self, Unread) {
        let (back, unread) = oneshot::channel();
        (
            Self {
                body: Some(body),
                back: Some(back),
            },
            Unread(unread),
        )
    }
}

impl Unread {
    /// Reads and forgets at most `limit` bytes, of a body that was dropped before its end.
    pub(super) async fn drain(mut self, limit: u64) {
        let Ok(mut body) = self.0.try_recv() else { return };
        let mut left = limit;
        while let Some(Ok(frame)) = body.frame().await {
            let len = frame.data_ref().map_or(0, |data| data.len() as u64);
            if len > left {
                return;
            }
            left -= len;
        }
    }
}

impl Body for Returned {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Returned {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take())
            && !body.is_end_stream()
        {
            // Nobody waits for it: the connection closes as it would have anyway.
            let _ = back.send(body);
        }
    }
}
