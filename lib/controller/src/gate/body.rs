//! The body of a request, read with a timeout and a size limit.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::header;
use draftstore_connections::RequestMemory;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::Bounds;
use crate::refusal::Refusal;

/// The number of bytes beyond the limit that are read and discarded. Many clients read the response only after they have sent
/// the whole body, and would see a connection reset instead of the error.
const LEFTOVER: u64 = 1024 * 1024;

/// Returns the request with its whole body, so that nothing after the gate waits for a client.
pub(super) async fn whole(request: Request, bounds: Bounds, limit: Duration) -> Result<http::Request<Bytes>, Refusal> {
    let (head, body) = request.into_parts();
    let expects_continue = head.headers.contains_key(header::EXPECT);
    let memory = head.extensions.get();
    match timeout(limit, read(body, bounds, expects_continue, memory)).await {
        Ok(body) => Ok(http::Request::from_parts(head, body?)),
        Err(_) => Err(Refusal::BodyTimeout),
    }
}

/// Returns the refusal for a body that cannot be read to its end. The body's error does not say it: gRPC-Web's layer drops
/// the cause.
fn refusal(memory: Option<&RequestMemory>) -> Refusal {
    if memory.is_some_and(RequestMemory::is_exhausted) {
        Refusal::OutOfMemory
    } else {
        Refusal::BodyIncomplete
    }
}

async fn read(
    body: Body,
    bounds: Bounds,
    expects_continue: bool,
    memory: Option<&RequestMemory>,
) -> Result<Bytes, Refusal> {
    let limit = bounds.max_bytes + bounds.envelope;
    let too_large = Refusal::BodyTooLarge {
        max_bytes: bounds.max_bytes,
    };
    let announced = body.size_hint().lower();
    if announced > limit && (expects_continue || announced > limit + LEFTOVER) {
        return Err(too_large);
    }
    let mut body = pin!(body);
    // Most bodies are one frame, which is used without a copy.
    let (mut first, mut whole) = (Bytes::new(), Vec::new());
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        // Usually the client has disconnected, and nobody reads the refusal.
        let Ok(data) = frame.map_err(|_| refusal(memory))?.into_data() else {
            continue;
        };
        read += data.len() as u64;
        if read > limit + LEFTOVER {
            return Err(too_large);
        }
        if read == data.len() as u64 {
            first = data;
        } else if read <= limit {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    if read > limit {
        return Err(too_large);
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}
