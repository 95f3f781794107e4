//! A span for each request, where traces are collected.

use axum::http::{HeaderMap, HeaderValue, Response};
use draftstore_controller::measured::{CODES, Port, Rpc, code_of};
use draftstore_runtime::traces;
use tonic::Code;
use tracing::Span;
use tracing::field::Empty;

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Traced {
    pub(super) span: Span,
    answers: Option<HeaderValue>,
}

impl Traced {
    /// It has come, perhaps with a trace of its caller's. Its names are those that it is counted by.
    pub(super) fn begin(port: Port, path: &str, headers: &HeaderMap) -> Self {
        let rpc = Rpc::of_path(port, path).as_str();
        let span = tracing::info_span!(
            target: traces::TARGET,
            "trace",
            otel.name = rpc,
            otel.kind = "server",
            otel.status_code = Empty,
            front = port.as_str(),
            code = Empty,
            trace_id = Empty,
        );
        let answers = traces::go_on(&span, headers).map(|(trace_id, answers)| {
            span.record("trace_id", trace_id);
            answers
        });
        Self { span, answers }
    }

    /// It has an answer, which says which trace it belongs to.
    pub(super) fn answered<B>(self, answer: &mut Response<B>) {
        let code = code_of(answer);
        self.span.record("code", CODES[code as usize]);
        if matches!(
            code,
            Code::Internal | Code::Unavailable | Code::Unknown | Code::DataLoss
        ) {
            self.span.record("otel.status_code", "ERROR");
        }
        if let Some(answers) = self.answers {
            answer.headers_mut().insert(traces::TRACE_RESPONSE, answers);
        }
    }
}
