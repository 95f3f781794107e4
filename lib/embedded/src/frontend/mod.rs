//! The HTTP layer around `s3s`: preflights, forms, CORS headers, request IDs, and request logging.

mod body;
mod explain;
mod form;
pub(crate) mod query;

use std::sync::Arc;
use std::time::{Duration, Instant};

use draftstore_connections::{Arrival, PortRefusal};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Body as _;
use percent_encoding::percent_decode_str;
use s3s::service::S3Service;
use s3s::{Body, S3Error, S3ErrorCode, S3Result, s3_error};
use tracing::Dispatch;

use crate::backend::{Backend, RestoreAccepted};
use crate::cors;
use crate::index::CorsRuleRecord;
use crate::keyring::Keyring;
use body::RecoverableBody;
use explain::RequestHead;

/// The part of an unread body that is discarded before an error response, in bytes. A client that is still sending
/// would otherwise see a broken connection instead of the response.
const DRAIN: u64 = 8 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The HTTP service of the store.
pub(crate) struct Frontend {
    s3: S3Service,
    backend: Backend,
    keyring: Arc<Keyring>,
    /// Receives the log events. Connections run without a subscriber, because `s3s` and `hyper` would log whole requests,
    /// including signatures.
    log: Dispatch,
}

impl Frontend {
    pub(crate) fn new(s3: S3Service, backend: Backend, keyring: Arc<Keyring>, log: Dispatch) -> Arc<Self> {
        Arc::new(Self {
            s3,
            backend,
            keyring,
            log,
        })
    }

    /// Returns the response to a request, or to one that the port refuses.
    pub(crate) async fn handle(&self, arrival: Arrival) -> Response<axum::body::Body> {
        let response = match arrival {
            Arrival::Admitted(request) => self.serve(request).await,
            Arrival::Refused(_, refusal) => error_response(refused(refusal)),
        };
        response.map(axum::body::Body::new)
    }

    async fn serve(&self, request: Request<axum::body::Body>) -> Response<Body> {
        let started = Instant::now();
        let method = request.method().clone();
        let head = RequestHead {
            method: method.clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        };
        let (bucket, key) = bucket_and_key(request.uri().path());
        let origin = request
            .headers()
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok().map(str::to_owned));
        let rules = match &origin {
            Some(_) => self.rules(&bucket).await,
            None => None,
        };

        let mut response = if method == Method::OPTIONS {
            match cors::preflight(rules.as_deref(), request.headers()) {
                Ok(headers) => {
                    let mut response = Response::new(Body::empty());
                    *response.headers_mut() = headers;
                    response
                }
                Err(error) => error_response(error),
            }
        } else {
            let mut response = self.dispatch(request, &bucket).await;
            if let (Some(origin), Some(rules)) = (&origin, &rules) {
                response
                    .headers_mut()
                    .extend(cors::response_headers(rules, origin, method.as_str()));
            }
            response
        };

        if response.status() == StatusCode::NOT_MODIFIED {
            *response.body_mut() = Body::empty();
        }
        if head.is_get_object_attributes() {
            explain::unquote_etag(&mut response);
        }
        let id = hex::encode_upper(rand::random::<[u8; 8]>());
        if !response.status().is_success() {
            head.explain(&mut response, &id);
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response
                .headers_mut()
                .insert(HeaderName::from_static("x-amz-request-id"), value);
        }
        let status = response.status().as_u16();
        let duration_ms = started.elapsed().as_millis();
        tracing::dispatcher::with_default(&self.log, || {
            tracing::debug!(%method, bucket, object.key = key, status, duration_ms, request.id = id, "request served");
        });
        response
    }

    /// Returns the bucket's CORS rules, if there are any. The operation itself reports a failure.
    async fn rules(&self, bucket: &str) -> Option<Vec<CorsRuleRecord>> {
        let bucket = bucket.to_owned();
        self.backend
            .read(move |snapshot| snapshot.bucket(&bucket))
            .await
            .ok()?
            .cors
    }

    async fn dispatch(&self, request: Request<axum::body::Body>, bucket: &str) -> Response<Body> {
        // With `Expect`, reading the rest of the body would invite the client to send it.
        let expects_continue = request.headers().contains_key(header::EXPECT);
        let http1 = request.version() <= Version::HTTP_11;
        let (mut parts, body) = request.into_parts();
        let prepared = check_head(&parts, &body).and_then(|()| query::promote_headers(&parts.uri, &mut parts.headers));
        let (body, unread) = RecoverableBody::new(body);
        let mut response = if let Err(error) = prepared {
            drop(body);
            error_response(error)
        } else if form::is_form(&parts) {
            let form = form::handle(&self.backend, &self.keyring, bucket, &parts, body).await;
            form.unwrap_or_else(error_response)
        } else {
            let request = Request::from_parts(parts, Body::http_body_unsync(body));
            match self.s3.call(request).await {
                Ok(mut response) => {
                    if response.extensions().get::<RestoreAccepted>().is_some() {
                        *response.status_mut() = StatusCode::ACCEPTED;
                    }
                    response
                }
                Err(_) => error_response(S3Error::new(S3ErrorCode::InternalError)),
            }
        };
        if expects_continue && http1 && !response.status().is_success() {
            // The client may still send the body, which would be taken for the next request.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        } else if !response.status().is_success() {
            let _ = tokio::time::timeout(DRAIN_TIME, unread.drain(DRAIN)).await;
        }
        response
    }
}

/// Returns the error of a request that the port refuses.
fn refused(refusal: PortRefusal) -> S3Error {
    match refusal {
        PortRefusal::RateLimited { .. } | PortRefusal::TooManyInProgress | PortRefusal::OutOfMemory => {
            s3_error!(SlowDown, "Please reduce your request rate.")
        }
        PortRefusal::UnknownHost | PortRefusal::UnknownOrigin => {
            let message = "This store does not have the name that the request is for: set ALLOWED_HOSTS.";
            let mut error = S3Error::with_message(S3ErrorCode::Custom("MisdirectedRequest".into()), message);
            error.set_status_code(StatusCode::MISDIRECTED_REQUEST);
            error
        }
    }
}

/// Checks what `s3s` lets pass.
///
/// # Errors
/// Returns 400 for a request that is signed in the query and in a header, and 411 for an upload of unknown length.
fn check_head(parts: &Parts, body: &axum::body::Body) -> S3Result<()> {
    let in_query =
        query::parameters(&parts.uri).any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Signature");
    if in_query && parts.headers.contains_key(header::AUTHORIZATION) {
        return Err(s3_error!(
            InvalidArgument,
            "Only one auth mechanism is allowed: the X-Amz-Algorithm query parameter or the Authorization header."
        ));
    }
    let has_length = body.size_hint().exact().is_some() || parts.headers.contains_key("x-amz-decoded-content-length");
    if parts.method == Method::PUT && !has_length {
        return Err(s3_error!(MissingContentLength));
    }
    Ok(())
}

/// Returns the bucket and key of a path, for logging and CORS; empty strings if the path has none.
fn bucket_and_key(path: &str) -> (String, String) {
    let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    (bucket.to_owned(), key.to_owned())
}

fn error_response(error: S3Error) -> Response<Body> {
    error.to_http_response().unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
