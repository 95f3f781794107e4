//! A handler that panics, which is a bug: it costs its own call an answer, and no other call anything.

use std::panic::AssertUnwindSafe;

use axum::response::Response;
use draftstore_service::Error;
use futures::FutureExt as _;

use crate::gate::Refuse;

/// The answer, or that there was a panic instead: it would end the connection, and with it all calls that share it.
pub(crate) async fn or_refused(answering: impl Future<Output = Response>, refuse: Refuse) -> Response {
    // Nothing of a call is used again that has panicked.
    let answer = AssertUnwindSafe(answering).catch_unwind().await;
    // What the panic says may hold what a caller sent, and goes nowhere.
    answer.unwrap_or_else(|_| refuse(Error::Internal("a handler has panicked".into())))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::around::{answer_of, caught};
    use crate::{grpc, webapi};

    async fn bad() -> &'static str {
        panic!("hush: a secret")
    }

    async fn answers(refuse: Refuse) -> (http::response::Parts, String) {
        let router = Router::new()
            .route("/good", get(|| async { "good" }))
            .route("/bad", get(bad));
        let caught = caught(move |request| answer_of(router.clone(), request), refuse);
        let ask = |path: &str| {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            caught.clone().oneshot(request)
        };
        let (bad, good) = tokio::join!(ask("/bad"), ask("/good"));
        assert_eq!(good.expect("an answer").status(), 200, "the neighbour");
        let (head, body) = bad.expect("an answer").into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        (head, String::from_utf8(body.to_vec()).expect("UTF-8"))
    }

    #[tokio::test]
    async fn panics_are_internal_errors_by_rest_and_say_no_more() {
        let (head, body) = answers(webapi::refuse).await;
        assert_eq!(head.status, 500);
        let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(problem["code"], "INTERNAL");
        assert!(!body.contains("hush"), "{body}");
    }

    #[tokio::test]
    async fn panics_are_internal_errors_by_grpc_and_say_no_more() {
        let (head, body) = answers(grpc::REFUSE).await;
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["grpc-status"], "13");
        assert!(!format!("{:?}{body}", head.headers).contains("hush"), "{head:?}");
    }
}
