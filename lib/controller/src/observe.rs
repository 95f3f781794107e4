//! What both ports do around every request: give it an ID, and a span to log in.

use std::borrow::Cow;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::webapi::shown;

/// Taken from the caller, made where there is none, given back with the answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The answer to a request that has an ID, logged in a span of its own.
pub(crate) async fn observed<A: Future<Output = Response>>(
    mut request: Request,
    answer: impl FnOnce(Request) -> A,
) -> Response {
    let id = request.headers_mut().entry(REQUEST_ID).or_insert_with(new_id).clone();
    let span = span(&request);
    let answering = async {
        let began = Instant::now();
        let answer = answer(request).await;
        let milliseconds = || began.elapsed().as_secs_f64() * 1000.0;
        tracing::debug!(
            status = answer.status().as_u16(),
            duration_ms = milliseconds(),
            "answered"
        );
        answer
    };
    let mut response = answering.instrument(span).await;
    response.headers_mut().entry(REQUEST_ID).or_insert(id);
    response
}

/// Random by the process's own generator: asking the system for each costs more than the rest of observing.
fn new_id() -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    let mut text = Uuid::encode_buffer();
    let id = id.hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(id).expect("letters, digits and hyphens")
}

/// Paths below hold IDs of uploads, and whoever knows one goes on with the upload: they are not logged.
const UPPY: &str = "/uppy/";

/// Holds the path without its query.
fn span(request: &Request) -> Span {
    let id = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let path = match request.uri().path() {
        path if path.starts_with(UPPY) => Cow::Borrowed(of_uppy(path)),
        path => shown(path),
    };
    tracing::info_span!(
        "request",
        request.id = id,
        method = request.method().as_str(),
        path = &*path
    )
}

/// The route, as far as it has one.
fn of_uppy(path: &str) -> &'static str {
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
    fn ids_of_uploads_are_not_in_paths_that_are_logged() {
        for (path, logged) in [
            ("/uppy/s3/params", "/uppy/s3/params"),
            ("/uppy/s3/multipart", "/uppy/s3/multipart"),
            ("/uppy/s3/multipart/secret", "/uppy/s3/multipart/{id}"),
            ("/uppy/s3/multipart/secret/complete", "/uppy/s3/multipart/{id}"),
            ("/uppy/secret", "/uppy/"),
        ] {
            assert_eq!(of_uppy(path), logged);
        }
    }

    #[test]
    fn every_request_has_an_id_of_its_own() {
        let (one, another) = (new_id(), new_id());
        assert_ne!(one, another);
        let id: Uuid = one.to_str().expect("ASCII").parse().expect("a UUID");
        assert_eq!(id.get_version_num(), 4);
    }
}
