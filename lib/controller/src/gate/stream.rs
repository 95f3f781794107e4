//! The bodies of routes that need no credentials: requests limited in size, and responses in time.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use http_body_util::Limited;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;

/// The maximum size of a request, in bytes, with all messages of its stream. A question of reflection has some tens of bytes,
/// and its answer a thousand times as many.
const MAX_BYTES: usize = 4 * 1024;

/// Returns the body, which fails beyond the maximum size.
pub(super) fn limited(body: Body) -> Body {
    Body::new(Limited::new(body, MAX_BYTES))
}

/// Returns the body, which ends at this time with a status of gRPC.
pub(super) fn until(body: Body, end: Instant) -> Body {
    if body.size_hint().exact().is_some() {
        return body;
    }
    Body::new(TimedBody {
        body: Some(body),
        end: Box::pin(sleep_until(end)),
    })
}

struct TimedBody {
    body: Option<Body>,
    end: Pin<Box<Sleep>>,
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        self.end.as_mut().poll(cx).map(|()| {
            self.body = None;
            let mut trailers = HeaderMap::new();
            // The status has no details that a header could not hold.
            let _ = Status::deadline_exceeded("the stream has reached its time limit").add_header(&mut trailers);
            Some(Ok(Frame::trailers(trailers)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
