//! A span for each request, where traces are collected.

use axum::body::Body;
use draftstore_runtime::traces;
use hyper::Response;
use hyper::header::{HeaderMap, HeaderValue};
use tracing::Span;
use tracing::field::Empty;

use super::port::Port;

/// The codes of failures that are the server's own.
const SERVER_ERRORS: [&str; 4] = ["INTERNAL", "UNAVAILABLE", "UNKNOWN", "DATA_LOSS"];

/// The span of a request.
#[derive(Debug)]
pub(super) struct RequestSpan {
    pub(super) span: Span,
    port: Port,
    traceresponse: Option<HeaderValue>,
}

impl RequestSpan {
    /// Begins the span, in the caller's trace if there is one. It has the names that the request is counted by.
    pub(super) fn begin(port: Port, path: &str, headers: &HeaderMap) -> Self {
        let span = tracing::info_span!(
            target: traces::TARGET,
            "trace",
            otel.name = port.call(path),
            otel.kind = "server",
            otel.status_code = Empty,
            front = port.name(),
            code = Empty,
            trace_id = Empty,
        );
        let traceresponse = traces::go_on(&span, headers).map(|(trace_id, traceresponse)| {
            span.record("trace_id", trace_id);
            traceresponse
        });
        Self {
            span,
            port,
            traceresponse,
        }
    }

    /// Ends the span, and adds the trace to the response.
    pub(super) fn end(self, response: &mut Response<Body>) {
        let code = self.port.code(response);
        self.span.record("code", code);
        if SERVER_ERRORS.contains(&code) {
            self.span.record("otel.status_code", "ERROR");
        }
        if let Some(traceresponse) = self.traceresponse {
            response.headers_mut().insert(traces::TRACE_RESPONSE, traceresponse);
        }
    }
}
