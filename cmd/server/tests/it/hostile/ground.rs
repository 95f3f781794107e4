//! A server for many inputs, with clients that reuse their connections.

use std::panic::AssertUnwindSafe;

use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_testing::http_client;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;
use tonic::transport::Channel;

use super::corpus::{Answer, Case, Refused};
use crate::front::{self, Failure, FailureCode, Front};
use crate::server::Server;

/// The number of concurrent calls. More are not faster on two cores.
const TOGETHER: usize = 32;

pub(crate) struct Ground {
    pub(crate) server: Server,
    pub(crate) client: reqwest::Client,
    grpc: DraftServiceClient<Channel>,
}

impl Ground {
    /// Starts a server that also logs refusals.
    pub(crate) async fn start() -> Self {
        let server = Server::start_with(&[("RUST_LOG", "debug"), ("ALLOWED_HOSTS", "a")]);
        let grpc = DraftServiceClient::connect(format!("http://{}", server.grpc)).await;
        Self {
            client: http_client(),
            grpc: grpc.expect("connects"),
            server,
        }
    }

    pub(crate) async fn call(&self, front: Front, route: &str, request: Value) -> Result<Value, Failure> {
        match front {
            Front::Rest => front::rest(&self.client, &self.server, route, &request).await,
            Front::Grpc => front::grpc(self.grpc.clone(), route, request).await,
        }
    }

    /// Checks that the server still works, stops it, and checks its log: no panics, no internal errors, and only lines that the
    /// server wrote.
    pub(crate) async fn end(self) {
        for front in front::FRONTS {
            let request = serde_json::json!({"object_name": "still/there"});
            self.call(front, "upload-url", request).await.expect("it serves");
        }
        stop(self.server);
    }
}

/// Stops the server, and checks its log in the same way.
pub(crate) fn stop(server: Server) {
    let (status, log) = server.stop();
    assert!(status.success(), "{status}\n{log}");
    for line in log.lines() {
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not the server's line: {line}"));
        assert_ne!(parsed["level"], "ERROR", "{line}");
        assert!(!line.contains("panicked"), "{line}");
    }
}

/// Checks every case, even after a failure.
pub(crate) async fn each<T>(cases: impl IntoIterator<Item = T>, check: impl AsyncFn(T)) {
    let checked = stream::iter(cases).map(|case| AssertUnwindSafe(check(case)).catch_unwind());
    let failed = checked
        .buffer_unordered(TOGETHER)
        .filter(|checked| std::future::ready(checked.is_err()));
    assert_eq!(failed.count().await, 0, "cases failed: see above");
}

impl Refused {
    /// Asserts that the response is this answer and nothing else, for the field of this name.
    pub(crate) fn assert_as(&self, field: Option<&str>, failure: &Failure, context: &str) {
        let code = match &failure.code {
            FailureCode::Http(status) => *status == self.http,
            FailureCode::Grpc(code) => format!("{code:?}") == self.grpc,
        };
        assert!(
            code && failure.reason == self.reason,
            "{context}: {failure:?}, not {self:?}"
        );
        let fields: Vec<_> = field.or(self.field.map(|(field, _)| field)).into_iter().collect();
        assert_eq!(failure.fields, fields, "{context}: {failure:?}");
        if let Some((_, rule)) = self.field {
            assert!(failure.rules[0].starts_with(rule), "{context}: {failure:?}, not {rule}");
        }
    }
}

/// Asserts that a response is the answer of the corpus.
pub(crate) fn assert_answered(
    answer: Answer,
    seen: Result<Value, Failure>,
    front: Front,
    case: &Case,
) -> Option<Value> {
    let context = format!("line {}, {front:?}", case.line);
    match (answer, seen) {
        (Answer::Ok, seen) => Some(seen.unwrap_or_else(|failure| panic!("{context}: {failure:?}"))),
        (Answer::Refused(_), Ok(seen)) => panic!("{context}: {seen}"),
        (Answer::Refused(refused), Err(failure)) => {
            refused.assert_as(None, &failure, &context);
            None
        }
    }
}
