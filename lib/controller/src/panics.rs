//! A handler that panics, which is a bug: it costs its own call an answer, and no other call anything.

use axum::Router;
use draftstore_service::Error;
use tower_http::catch_panic::CatchPanicLayer;

use crate::gate::Refuse;

/// The router, whose panics are answered as internal errors. Without it a panic would end the connection, and with it all
/// calls that share it.
pub(crate) fn caught<S>(router: Router<S>, refuse: Refuse) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    // What the panic says may hold what a caller sent, and goes nowhere.
    let answer = move |_| refuse(Error::Internal("a handler has panicked".into()));
    router.layer(CatchPanicLayer::custom(answer))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{grpc, webapi};

    async fn bad() -> &'static str {
        panic!("hush: a secret")
    }

    async fn answers(refuse: Refuse) -> (http::response::Parts, String) {
        let router = Router::new()
            .route("/good", get(|| async { "good" }))
            .route("/bad", get(bad));
        let router = caught(router, refuse);
        let ask = |path: &str| {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            router.clone().oneshot(request)
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
