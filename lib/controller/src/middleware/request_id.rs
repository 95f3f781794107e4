//! The request ID, and the span of each request.

use std::borrow::Cow;
use std::pin::pin;
use std::time::Instant;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::audit::REQUEST_ID;
use crate::path_ticket::redacted_path;

/// Runs the handler in a span, and adds the request ID to the request and the response.
pub(super) async fn traced<F: Future<Output = Response>>(
    mut request: Request,
    respond: impl FnOnce(Request) -> F,
) -> Response {
    let own = request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| id.len() <= MAX_ID)
        .cloned();
    let id = own.unwrap_or_else(new_id);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let span = span(&request);
    // Pinned, so that the future is not moved into its span.
    let responding = pin!(async {
        let began = Instant::now();
        let response = respond(request).await;
        let milliseconds = || began.elapsed().as_secs_f64() * 1000.0;
        tracing::debug!(
            status = response.status().as_u16(),
            duration_ms = milliseconds(),
            "response sent"
        );
        response
    });
    let mut response = responding.instrument(span).await;
    response.headers_mut().entry(REQUEST_ID).or_insert(id);
    response
}

/// The maximum length of an ID that the caller chose, in bytes. A longer one is replaced: it is in every line of the log.
const MAX_ID: usize = 128;

/// Returns a random ID from the generator of the process. A system call for each would cost more than the rest of this module.
fn new_id() -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    let mut text = Uuid::encode_buffer();
    let id = id.hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(id).expect("letters, digits and hyphens")
}

/// The prefix of paths that may contain upload IDs. They are not logged, because they allow continuing the upload.
const UPPY: &str = "/uppy/";

/// Returns the span of a request, with the path but not the query.
fn span(request: &Request) -> Span {
    let id = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let path = match request.uri().path() {
        path if path.starts_with(UPPY) => Cow::Borrowed(uppy_route(path)),
        path => redacted_path(path),
    };
    tracing::info_span!(
        "request",
        request.id = id,
        method = request.method().as_str(),
        path = &*path
    )
}

/// Returns the route without its parameters.
fn uppy_route(path: &str) -> &'static str {
    match path.strip_prefix(UPPY) {
        Some("s3/params") => "/uppy/s3/params",
        Some("s3/sign") => "/uppy/s3/sign",
        Some("s3/multipart") => "/uppy/s3/multipart",
        Some(below) if below.starts_with("s3/multipart/") => "/uppy/s3/multipart/{id}",
        Some(_) | None => UPPY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upload_ids_are_not_logged() {
        for (path, logged) in [
            ("/uppy/s3/params", "/uppy/s3/params"),
            ("/uppy/s3/multipart", "/uppy/s3/multipart"),
            ("/uppy/s3/multipart/secret", "/uppy/s3/multipart/{id}"),
            ("/uppy/s3/multipart/secret/complete", "/uppy/s3/multipart/{id}"),
            ("/uppy/secret", "/uppy/"),
        ] {
            assert_eq!(uppy_route(path), logged);
        }
    }

    #[test]
    fn each_request_has_its_own_id() {
        let (one, another) = (new_id(), new_id());
        assert_ne!(one, another);
        let id: Uuid = one.to_str().expect("ASCII").parse().expect("a UUID");
        assert_eq!(id.get_version_num(), 4);
    }
}
