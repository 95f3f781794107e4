//! A span for each request, if traces are configured.

use axum::body::Body;
use draftstore_telemetry::traces;
use hyper::Response;
use hyper::header::{HeaderMap, HeaderValue};
use tracing::Span;
use tracing::field::Empty;

use super::port::Port;

/// The codes that mark a span as failed: errors of the server, not of the caller.
const SERVER_ERRORS: [&str; 4] = ["INTERNAL", "UNAVAILABLE", "UNKNOWN", "DATA_LOSS"];

/// The span of a request.
#[derive(Debug)]
pub(super) struct RequestSpan {
    pub(super) span: Span,
    port: Port,
    traceresponse: Option<HeaderValue>,
}

impl RequestSpan {
    /// Starts the span, in the caller's trace if there is one. Its fields have the values of the metrics' labels.
    pub(super) fn begin(port: Port, path: &str, headers: &HeaderMap) -> Self {
        let span = tracing::info_span!(
            target: traces::TARGET,
            "trace",
            otel.name = (port.call_of)(path),
            otel.kind = "server",
            otel.status_code = Empty,
            front = port.name,
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

    /// Records the outcome, and adds the trace ID to the response.
    pub(super) fn end(self, response: &mut Response<Body>) {
        let code = (self.port.labels.code_of)(response);
        self.span.record("code", code);
        if SERVER_ERRORS.contains(&code) {
            self.span.record("otel.status_code", "ERROR");
        }
        if let Some(traceresponse) = self.traceresponse {
            response.headers_mut().insert(traces::TRACE_RESPONSE, traceresponse);
        }
    }
}
