//! What both ports do around every request: give it an ID, and a span to log in.

use std::time::Duration;

use axum::Router;
use axum::extract::MatchedPath;
use axum::http::{HeaderName, Response};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::webapi::shown;

/// Taken from the caller, made where there is none, given back with the answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The router with that around it.
pub(crate) fn observed(router: Router) -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(log_response)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(());
    router
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(trace)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

/// Paths below hold IDs of uploads, and whoever knows one goes on with the upload: their routes are logged instead.
const UPPY: &str = "/uppy/";

/// Holds the path without its query.
fn span<B>(request: &axum::http::Request<B>) -> Span {
    let id = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let path = match request.uri().path() {
        path if path.starts_with(UPPY) => {
            let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
            route.unwrap_or(UPPY).to_owned()
        }
        path => shown(path),
    };
    tracing::info_span!("request", request.id = id, method = %request.method(), path)
}

fn log_response<B>(response: &Response<B>, latency: Duration, _: &Span) {
    let duration_ms = latency.as_secs_f64() * 1000.0;
    tracing::debug!(status = response.status().as_u16(), duration_ms, "answered");
}
