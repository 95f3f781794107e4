//! Sending a piece of a file to a presigned URL, once.

use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_proto::Timestamp;
use reqwest::Body;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue};

use super::refusal::{self, Trouble};
use super::{Meter, Piece, unless_stalled};
use crate::failure::Failure;

/// What to send where.
pub(crate) struct Put<'a> {
    pub(crate) url: &'a str,
    pub(crate) headers: &'a BTreeMap<String, String>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) piece: Piece,
}

/// Sends the piece, and gives the `ETag` of what it became, without quotes.
///
/// # Errors
/// Whether it may be tried again, and how. The meter keeps what was sent.
pub(crate) async fn put(http: &reqwest::Client, put: Put<'_>, meter: &Meter) -> Result<String, Trouble> {
    let body = Body::wrap_stream(put.piece.stream(meter.clone()));
    let request = http.put(put.url).headers(headers(put.headers)?).body(body);
    let answer = match unless_stalled(request.send(), meter).await {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => return Err(refusal::broken(error)),
        None => {
            return Err(Trouble::Passing {
                why: "the store takes no more bytes".to_owned(),
                after: None,
            });
        }
    };
    if !answer.status().is_success() {
        return Err(refusal::read(answer, has_passed(put.expires_at)).await);
    }
    let etag = answer.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
    match etag.map(|etag| etag.trim_matches('"')) {
        Some(etag) if !etag.is_empty() => Ok(etag.to_owned()),
        _ => Err(Trouble::Final(Failure::nonsense(
            "the store names no ETag of what it got",
        ))),
    }
}

/// Exactly those that were signed, among them the length, without which the body would go in chunks.
fn headers(signed: &BTreeMap<String, String>) -> Result<HeaderMap, Trouble> {
    let pairs = signed.iter().map(|(name, value)| {
        let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        pair.ok_or_else(|| Trouble::Final(Failure::nonsense(format!("the server names no header by {name:?}"))))
    });
    pairs.collect()
}

fn has_passed(expires_at: Option<Timestamp>) -> bool {
    expires_at.is_some_and(|at| at.seconds <= Timestamp::from(SystemTime::now()).seconds)
}
