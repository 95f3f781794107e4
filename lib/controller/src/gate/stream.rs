//! The bodies of routes that need no credentials: requests limited in size and in the rate of their messages, and responses
//! in time.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use draftstore_connections::{Client, OpenStream};
use http_body_util::Limited;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;

use crate::refusal::{Limit, Refusal};

/// The maximum size of a request, in bytes, with all messages of its stream. A question of reflection has some tens of bytes,
/// and its answer a thousand times as many.
const MAX_BYTES: usize = 4 * 1024;

/// The size of gRPC's envelope before each message: a flag and the size of the message.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
const ENVELOPE: usize = 5;

/// Returns the body, which fails beyond the maximum size.
pub(super) fn limited(body: Body) -> Body {
    Body::new(Limited::new(body, MAX_BYTES))
}

/// The refusal of a stream whose messages exceed a rate limit, if there is one.
pub(super) type Refused = Arc<OnceLock<Refusal>>;

/// Returns the body, whose messages of gRPC count like requests of the client. The first one is that of the request itself.
pub(super) fn counted(body: Body, client: Option<&Client>, refused: &Refused) -> Body {
    let Some(client) = client else {
        return body;
    };
    Body::new(CountedMessages {
        body,
        client: client.clone(),
        envelopes: Envelopes::default(),
        is_first: true,
        refused: Arc::clone(refused),
    })
}

struct CountedMessages {
    body: Body,
    client: Client,
    envelopes: Envelopes,
    is_first: bool,
    refused: Refused,
}

impl CountedMessages {
    fn count(&mut self, data: &[u8]) -> Result<(), Status> {
        let mut messages = self.envelopes.begun_in(data);
        if messages > 0 && self.is_first {
            self.is_first = false;
            messages -= 1;
        }
        let rate = self.client.rate().filter(|_| messages > 0);
        let taken = rate.map_or(Ok(()), |(rate, network)| {
            rate.take(network, messages, std::time::Instant::now()).map(drop)
        });
        taken.map_err(|exhausted| {
            let refusal = Refusal::TooManyRequests {
                limit: Limit::AddressRate,
                retry_after: exhausted.retry_after,
            };
            let _ = self.refused.set(refusal);
            Status::resource_exhausted(refusal.to_string())
        })
    }
}

impl HttpBody for CountedMessages {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map(|frame| {
            let frame = frame?.and_then(|frame| {
                let counted = frame.data_ref().map_or(Ok(()), |data| self.count(data));
                counted.map(|()| frame).map_err(axum::Error::new)
            });
            Some(frame)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The place in a stream of messages with envelopes.
#[derive(Debug, Default)]
struct Envelopes {
    envelope: Vec<u8>,
    /// The bytes of the message that have not arrived.
    left: usize,
}

impl Envelopes {
    /// Returns the number of messages that begin in these bytes.
    fn begun_in(&mut self, mut data: &[u8]) -> u32 {
        let mut begun = 0;
        while !data.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(data.len());
                self.left -= skipped;
                data = &data[skipped..];
                continue;
            }
            begun += u32::from(self.envelope.is_empty());
            let taken = (ENVELOPE - self.envelope.len()).min(data.len());
            self.envelope.extend_from_slice(&data[..taken]);
            data = &data[taken..];
            if let [_, size @ ..] = self.envelope.as_slice()
                && let Ok(size) = size.try_into()
            {
                self.left = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
                self.envelope.clear();
            }
        }
        begun
    }
}

/// The end of a response's body.
pub(super) struct End {
    pub(super) at: Instant,
    /// Ready when the server stops.
    pub(super) stopped: WaitForCancellationFutureOwned,
    pub(super) refused: Refused,
    pub(super) refuse: fn(Refusal) -> Response,
    /// The guard of a stream that may last for hours.
    pub(super) stream: Option<OpenStream>,
}

/// Returns the body, which ends in time with a status of gRPC.
pub(super) fn until(body: Body, end: End) -> Body {
    if body.size_hint().exact().is_some() {
        return body;
    }
    Body::new(TimedBody {
        body: Some(body),
        time: Box::pin(sleep_until(end.at)),
        stopped: Box::pin(end.stopped),
        refused: end.refused,
        refuse: end.refuse,
        _stream: end.stream,
    })
}

struct TimedBody {
    body: Option<Body>,
    time: Pin<Box<Sleep>>,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    refused: Refused,
    refuse: fn(Refusal) -> Response,
    _stream: Option<OpenStream>,
}

impl TimedBody {
    /// Returns the trailers of a stream that was refused, if it was.
    fn refusal(&self) -> Option<HeaderMap> {
        let refusal = self.refused.get()?;
        let response = (self.refuse)(*refusal);
        let is_status = |name: &HeaderName| name.as_str().starts_with("grpc-");
        let headers = response.headers().iter().filter(|(name, _)| is_status(name));
        Some(headers.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            let is_last = frame
                .as_ref()
                .is_none_or(|frame| frame.as_ref().is_ok_and(Frame::is_trailers));
            let trailers = self.refusal().filter(|_| is_last);
            return Poll::Ready(match trailers {
                Some(trailers) => {
                    self.body = None;
                    Some(Ok(Frame::trailers(trailers)))
                }
                None => frame,
            });
        }
        let status = if self.stopped.as_mut().poll(cx).is_ready() {
            Status::unavailable("the server stops")
        } else if self.time.as_mut().poll(cx).is_ready() {
            Status::deadline_exceeded("the stream has reached its time limit")
        } else {
            return Poll::Pending;
        };
        self.body = None;
        let mut trailers = HeaderMap::new();
        // The status has no details that a header could not hold.
        let _ = status.add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let message = |bytes: u8| [&[0, 0, 0, 0, bytes][..], &vec![1; bytes.into()]].concat();
        let stream = [message(3), message(0), message(7)].concat();
        for piece in 1..=stream.len() {
            let mut envelopes = Envelopes::default();
            let begun: u32 = stream.chunks(piece).map(|piece| envelopes.begun_in(piece)).sum();
            assert_eq!(begun, 3, "pieces of {piece}");
        }
        assert_eq!(
            Envelopes::default().begun_in(&[0, 255, 255, 255, 255, 1]),
            1,
            "it has no end"
        );
    }
}
