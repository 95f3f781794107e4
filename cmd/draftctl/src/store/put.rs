//! A single PUT of a file range to a presigned URL.

use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_proto::Timestamp;
use reqwest::Body;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue};

use super::error::{self, TransferError};
use super::{FileRange, TransferMeter, with_stall_timeout};
use crate::error::CommandError;

/// A PUT request to a presigned URL.
pub(crate) struct PutRequest<'a> {
    pub(crate) url: &'a str,
    pub(crate) headers: &'a BTreeMap<String, String>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) range: FileRange,
}

/// Sends the request and returns the ETag of the object or part, without quotes.
///
/// # Errors
/// Returns an error that tells whether a retry can succeed. The meter keeps the number of bytes sent.
pub(crate) async fn put(
    http: &reqwest::Client,
    put: PutRequest<'_>,
    meter: &TransferMeter,
) -> Result<String, TransferError> {
    let body = Body::wrap_stream(put.range.stream(meter.clone()));
    let request = http.put(put.url).headers(headers(put.headers)?).body(body);
    let response = match with_stall_timeout(request.send(), meter).await {
        Some(Ok(response)) => response,
        Some(Err(error)) => return Err(error::connection_error(error)),
        None => {
            return Err(TransferError::Transient {
                message: "the store stopped receiving bytes".to_owned(),
                retry_after: None,
            });
        }
    };
    if !response.status().is_success() {
        return Err(error::read(response, has_expired(put.expires_at)).await);
    }
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
    match etag.map(|etag| etag.trim_matches('"')) {
        Some(etag) if !etag.is_empty() => Ok(etag.to_owned()),
        _ => Err(TransferError::Permanent(CommandError::unexpected_response(
            "the store did not return an ETag",
        ))),
    }
}

/// Returns exactly the signed headers. They include the length, without which the body would be sent in chunks.
fn headers(signed: &BTreeMap<String, String>) -> Result<HeaderMap, TransferError> {
    let pairs = signed.iter().map(|(name, value)| {
        let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        pair.ok_or_else(|| {
            TransferError::Permanent(CommandError::unexpected_response(format!(
                "the server returned an invalid header: {name:?}"
            )))
        })
    });
    pairs.collect()
}

fn has_expired(expires_at: Option<Timestamp>) -> bool {
    expires_at.is_some_and(|at| at.seconds <= Timestamp::from(SystemTime::now()).seconds)
}
