//! A request body that can be recovered when it was not read to its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;

/// A body that forwards to the body of the request and hands it back when dropped before its end.
#[derive(Debug)]
pub(super) struct RecoverableBody {
    body: Option<Body>,
    sender: Option<oneshot::Sender<Body>>,
}

/// The receiver of a body that was not read to its end.
#[derive(Debug)]
pub(super) struct UnreadBody(oneshot::Receiver<Body>);

impl RecoverableBody {
    pub(super) fn new(body: Body) -> (Self, UnreadBody) {
        let (sender, unread) = oneshot::channel();
        (
            Self {
                body: Some(body),
                sender: Some(sender),
            },
            UnreadBody(unread),
        )
    }
}

impl UnreadBody {
    /// Reads and discards at most `limit` bytes of the body, if it was dropped before its end.
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

impl hyper::body::Body for RecoverableBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

impl Drop for RecoverableBody {
    fn drop(&mut self) {
        if let (Some(body), Some(sender)) = (self.body.take(), self.sender.take())
            && !body.is_end_stream()
        {
            // If the receiver is gone, the connection closes, as it would without this type.
            let _ = sender.send(body);
        }
    }
}
