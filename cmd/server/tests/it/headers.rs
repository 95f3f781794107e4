//! Tests of the response headers for browsers.

use draftstore_testing::http_client;
use reqwest::{Method, Response};

use crate::server::Server;

async fn asked(method: Method, url: String, origin: Option<&str>) -> Response {
    let mut request = http_client().request(method, url);
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    request.send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_has_security_headers() {
    let server = Server::start();
    let rest = |path: &str| format!("http://{}{path}", server.http);
    let grpc = |path: &str| format!("http://{}{path}", server.grpc);
    for (method, url, status) in [
        (Method::GET, rest("/health"), 200),
        (Method::GET, rest("/health/ready"), 200),
        (Method::POST, rest("/api/v1/list-drafts"), 200),
        (Method::POST, rest("/api/v1/upload-url"), 400),
        (Method::GET, rest("/api/v1/upload-url"), 405),
        (Method::POST, rest("/t/x/api/v1/upload-url"), 401),
        (Method::GET, rest("/nowhere"), 404),
        (Method::GET, rest("/uppy/s3/params"), 400),
        (Method::GET, rest("/uppy/nowhere"), 404),
        (Method::OPTIONS, rest("/api/v1/upload-url"), 200),
        (Method::POST, grpc("/draft.v1.DraftService/GetUploadURL"), 400),
        (Method::POST, grpc("/nowhere"), 400),
    ] {
        let answer = asked(method.clone(), url.clone(), None).await;
        assert_eq!(answer.status(), status, "{method} {url}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            let said: Vec<_> = answer.headers().get_all(name).iter().collect();
            assert_eq!(said, [value], "{method} {url}: {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_allows_listed_origins_only() {
    let listed = "https://app.example.com";
    let server = Server::start_with(&[("STORAGE_TYPE", "embedded"), ("CONSOLE", "off")]);
    let open = Server::start_with(&[("CORS_ALLOWED_ORIGINS", listed)]);
    for (server, origin, allowed) in [
        (&server, listed, None),
        (&server, "null", None),
        (&open, "https://other.example.com", None),
        (&open, "https://app.example.com.evil.example", None),
        (&open, listed, Some(listed)),
    ] {
        for (method, url) in [
            (Method::GET, format!("http://{}/health", server.http)),
            (Method::OPTIONS, format!("http://{}/api/v1/upload-url", server.http)),
            (Method::POST, format!("http://{}/api/v1/upload-url", server.http)),
            (
                Method::OPTIONS,
                format!("http://{}/draft.v1.DraftService/GetUploadURL", server.grpc),
            ),
        ] {
            let answer = asked(method.clone(), url.clone(), Some(origin)).await;
            let said = answer.headers().get("access-control-allow-origin");
            let said = said.map(|value| value.to_str().expect("ASCII"));
            assert_eq!(said, allowed, "{method} {url} from {origin}");
        }
    }
}
