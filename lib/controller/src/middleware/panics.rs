//! Middleware that turns a panic in a handler into an error response for that call, without affecting other calls.

use std::panic::AssertUnwindSafe;

use axum::response::Response;
use futures::FutureExt as _;

use crate::errors::Failure;

/// Returns the response, or an error response after a panic. A panic that is not caught would close the connection and fail all
/// calls that share it.
pub(super) async fn catch_panic(
    response: impl Future<Output = Response>,
    error_response: fn(&Failure) -> Response,
) -> Response {
    // No state of the call is used after the panic.
    let response = AssertUnwindSafe(response).catch_unwind().await;
    // The panic's message may contain request data, so it is dropped.
    response.unwrap_or_else(|_| error_response(&Failure::Panicked))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use axum::body::to_bytes;
    use axum::response::IntoResponse as _;

    use super::*;
    use crate::{grpc, rest};

    async fn responses(error_response: fn(&Failure) -> Response) -> (http::response::Parts, String) {
        let bad = poll_fn(|_| panic!("hush: a secret"));
        let good = async { "good".into_response() };
        let (bad, good) = tokio::join!(catch_panic(bad, error_response), catch_panic(good, error_response));
        assert_eq!(good.status(), 200, "the neighbour");
        let (head, body) = bad.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        (head, String::from_utf8(body.to_vec()).expect("UTF-8"))
    }

    #[tokio::test]
    async fn panic_is_an_internal_error_without_details_over_rest() {
        let (head, body) = responses(rest::error_response).await;
        assert_eq!(head.status, 500);
        let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(problem["code"], "INTERNAL");
        assert!(!body.contains("hush"), "{body}");
    }

    #[tokio::test]
    async fn panic_is_an_internal_error_without_details_over_grpc() {
        let (head, body) = responses(grpc::error_response).await;
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["grpc-status"], "13");
        assert!(!format!("{:?}{body}", head.headers).contains("hush"), "{head:?}");
    }
}
