//! Tests of errors that are not specific to a call.

use draftstore_testing::http_client;
use http_body_util::Empty;
use hyper::body::{Body as _, Bytes};
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tonic::Code;

use crate::front::{FRONTS, draft};
use crate::server::Server;

#[tokio::test]
async fn refused_store_credentials_are_500() {
    let store = Server::start();
    let server = Server::start_with(&[
        ("S3_ENDPOINT", &store.store),
        ("AWS_ACCESS_KEY_ID", "wrong"),
        ("AWS_SECRET_ACCESS_KEY", "wrong"),
    ]);
    for front in FRONTS {
        for route in ["draft-bucket", "confirm-upload", "download-url"] {
            let request = if route == "draft-bucket" {
                json!({})
            } else {
                json!({"object_name": "a"})
            };
            let failure = front.call(&server, route, request).await.expect_err("refused");
            failure.assert(500, Code::Internal, "STORE_CREDENTIALS_REFUSED");
        }
    }
}

#[tokio::test]
async fn unreachable_store_is_503_with_retry_after() {
    let server = Server::start_with(&[
        ("S3_ENDPOINT", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    for front in FRONTS {
        let failure = front
            .call(&server, "confirm-upload", json!({"object_name": "a"}))
            .await
            .expect_err("refused");
        failure.assert(503, Code::Unavailable, "STORE_UNAVAILABLE");
        assert!(failure.retry);
    }
}

#[tokio::test]
async fn object_over_the_limit_of_one_put_is_413() {
    let server = Server::start();
    let five_gib: i64 = 5 * 1024 * 1024 * 1024;
    for front in FRONTS {
        let request = |bytes: i64| json!({"object_name": "a", "content_length": bytes.to_string()});
        front
            .call(&server, "upload-url", request(five_gib))
            .await
            .expect("allowed");
        let failure = front
            .call(&server, "upload-url", request(five_gib + 1))
            .await
            .expect_err("refused");
        failure.assert(413, Code::InvalidArgument, "TOO_LARGE");
        assert_eq!(failure.fields, ["content_length"]);
    }
}

async fn post(
    server: &Server,
    path: &str,
    headers: &[(&'static str, &str)],
    body: impl Into<reqwest::Body>,
) -> (u16, Value) {
    let mut request = http_client().post(format!("http://{}{path}", server.http)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("problem+json"))
}

#[tokio::test]
async fn unreadable_bodies_are_400() {
    let server = Server::start();
    let (status, problem) = post(&server, "/api/v1/upload-url", &[], "{").await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("body")));
    let (status, problem) = post(&server, "/api/v1/upload-url", &[], vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!((status, &problem["code"]), (413, &json!("TOO_LARGE")));
    let (status, problem) = post(&server, "/api/v1/nothing", &[], "{}").await;
    assert_eq!((status, &problem["code"]), (404, &json!("NO_SUCH_ROUTE")));
    let (status, problem) = post(&server, "/health", &[], "{}").await;
    assert_eq!((status, &problem["code"]), (405, &json!("METHOD_NOT_ALLOWED")));
}

#[tokio::test]
async fn wrong_methods_are_405_with_allow() {
    let server = Server::start();
    for (path, other, taken) in [
        ("/api/v1/upload-url", reqwest::Method::GET, "POST"),
        ("/api/v1/confirm-uploads", reqwest::Method::DELETE, "POST"),
        ("/health/live", reqwest::Method::POST, "GET,HEAD"),
        ("/docs", reqwest::Method::POST, "GET,HEAD"),
    ] {
        let url = format!("http://{}{path}", server.http);
        let answer = http_client().request(other, url).send().await.expect("an answer");
        assert_eq!(answer.status(), 405, "{path}");
        assert_eq!(answer.headers()["allow"], taken, "{path}");
        assert!(answer.headers().contains_key("x-request-id"), "{path}");
        let problem: Value = answer.json().await.expect("problem+json");
        assert_eq!(problem["code"], "METHOD_NOT_ALLOWED", "{path}");
    }
}

/// HTTP/1 omits the body of a handler's response to HEAD. HTTP/2 would send it, and clients report a protocol error.
#[tokio::test]
async fn head_over_http_2_has_no_body() {
    let server = Server::start();
    let stream = TcpStream::connect(&server.http).await.expect("connects");
    let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    let connection = tokio::spawn(connection);
    for (path, status) in [
        ("/health", 200),
        ("/docs", 200),
        ("/t/dst_x/docs", 200),
        ("/nothing", 404),
        ("/api/v1/upload-url", 405),
        ("/uppy/s3/sign", 405),
    ] {
        let url = format!("http://{}{path}", server.http);
        let request = hyper::Request::head(url).body(Empty::<Bytes>::new());
        let answer = sender.send_request(request.expect("a request")).await.expect(path);
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.into_body().is_end_stream(), "{path}");
    }
    drop(sender);
    connection.await.expect("no panic").expect("ended in order");
}

#[tokio::test]
async fn content_type_is_required_from_web_pages_only() {
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", "https://app.example.com")]);
    draft(&server, "a", b"x").await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = r#"{"object_name":"a"}"#;
    let (status, _) = post(&server, "/api/v1/upload-url", &[form], body).await;
    assert_eq!(status, 200);
    let page = ("origin", "https://app.example.com");
    let (status, problem) = post(&server, "/api/v1/confirm-upload", &[form, page], body).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("content-type")));
}

#[tokio::test]
async fn response_repeats_the_request_id() {
    let server = Server::start();
    let url = format!("http://{}/health", server.http);
    let client = http_client();
    let own = client
        .get(&url)
        .header("x-request-id", "mine-1")
        .send()
        .await
        .expect("an answer");
    assert_eq!(own.headers()["x-request-id"], "mine-1");
    let made = client.get(&url).send().await.expect("an answer");
    assert!(!made.headers()["x-request-id"].is_empty());
}
