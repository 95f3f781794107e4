//! The whole of a request, in time and within its size.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use draftstore_service::{Error, Violation};
use http::header;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

/// Of a request that is too large so much is read beyond the limit, and thrown away: a client that is still sending may not
/// look at the answer before it is done, and would see its connection break instead.
const LEFTOVER: u64 = 1024 * 1024;

/// How much may come. Bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) message: u64,
    /// What the front has around a message.
    pub(super) envelope: u64,
}

/// The same request, with a body that is there as a whole: nothing behind the gate waits for a client.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::TooSlow`]; [`Error::Invalid`] where it breaks off.
pub(super) async fn whole(request: Request, room: Room, patience: Duration) -> Result<Request, Error> {
    let (head, body) = request.into_parts();
    let awaits_leave = head.headers.contains_key(header::EXPECT);
    match timeout(patience, read(body, room, awaits_leave)).await {
        Ok(body) => Ok(Request::from_parts(head, Body::from(body?))),
        Err(_) => Err(Error::TooSlow),
    }
}

async fn read(body: Body, room: Room, awaits_leave: bool) -> Result<Bytes, Error> {
    let limit = room.message + room.envelope;
    let too_large = || Error::TooLarge {
        field: "body",
        limit: room.message,
    };
    let said = body.size_hint().lower();
    if said > limit && (awaits_leave || said > limit + LEFTOVER) {
        return Err(too_large());
    }
    let mut body = pin!(body);
    // Most come in one piece, which is then handed on as it is.
    let (mut first, mut whole) = (Bytes::new(), Vec::new());
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| broken())?.into_data() else {
            continue;
        };
        read += data.len() as u64;
        if read > limit + LEFTOVER {
            return Err(too_large());
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
        return Err(too_large());
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

/// It breaks off, or its chunks are none. Most often the client has gone away, and nobody hears this.
fn broken() -> Error {
    let rule = "must arrive whole, and in chunks as HTTP has them where it is chunked";
    Error::Invalid(vec![Violation::new("body", rule)])
}
