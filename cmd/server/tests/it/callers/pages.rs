//! Web pages as they come: their origins, the headers of their libraries, and what a browser refuses to set.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::json;

use crate::front::FRONTS;
use crate::server::Server;

const ORIGINS: &str = "https://App.Example.com:443,https://*.example.org,capacitor://localhost,chrome-extension://abc";

/// Sends the preflight of a page with this header to both ports, and returns the responses' headers.
async fn preflights(server: &Server, origin: &str, header: &str) -> [HeaderMap; 2] {
    let preflight = |url: String| async move {
        let request = Client::new()
            .request(Method::OPTIONS, url)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", header);
        request.send().await.expect("a response").headers().clone()
    };
    [
        preflight(format!("http://{}/api/v1/upload-url", server.http)).await,
        preflight(format!("http://{}/draft.v1.DraftService/GetUploadURL", server.grpc)).await,
    ]
}

#[tokio::test]
async fn origins_are_folded_and_may_be_patterns_or_web_views() {
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", ORIGINS)]);
    for (origin, allowed) in [
        ("https://app.example.com", true),
        ("https://a.example.org", true),
        ("https://a.b.example.org", true),
        ("capacitor://localhost", true),
        ("chrome-extension://abc", true),
        ("https://example.org", false),
        ("http://app.example.com", false),
        ("https://evil.com", false),
        ("ionic://localhost", false),
        ("null", false),
    ] {
        for headers in preflights(&server, origin, "content-type").await {
            let granted = headers.get("access-control-allow-origin");
            assert_eq!(
                granted.is_some_and(|granted| granted == origin),
                allowed,
                "{origin}: {headers:?}"
            );
        }
    }
    let (_, log) = server.stop();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("origin not allowed")).collect();
    assert!(!lines.is_empty() && lines.len() <= 4, "{log}");
    assert!(
        lines[0].contains("https://example.org") && lines[0].contains("CORS_ALLOWED_ORIGINS"),
        "{log}"
    );
}

#[tokio::test]
async fn headers_of_libraries_and_configured_ones_are_allowed() {
    let origin = "https://app.example.com";
    let server = Server::start_with(&[
        ("CORS_ALLOWED_ORIGINS", origin),
        ("CORS_ALLOWED_HEADERS", "X-Tenant, b3"),
    ]);
    for (header, allowed) in [
        ("traceparent", true),
        ("tracestate", true),
        ("baggage", true),
        ("sentry-trace", true),
        ("uppy-versions", true),
        ("uppy-auth-token", true),
        ("x-tenant", true),
        ("b3", true),
        ("x-other", false),
    ] {
        for headers in preflights(&server, origin, header).await {
            let listed = headers["access-control-allow-headers"]
                .to_str()
                .expect("ASCII")
                .to_owned();
            assert_eq!(
                listed.split(',').any(|name| name.trim() == header),
                allowed,
                "{header}: {listed}"
            );
        }
    }
    let any = Server::start_with(&[("CORS_ALLOWED_ORIGINS", origin), ("CORS_ALLOWED_HEADERS", "*")]);
    for headers in preflights(&any, origin, "x-other,authorization").await {
        assert_eq!(headers["access-control-allow-headers"], "x-other,authorization");
    }
}

#[tokio::test]
async fn own_pages_leave_no_line_in_the_log() {
    let server = Server::start();
    let origin = format!("http://{}", server.http);
    let headers = [("origin", origin.as_str())];
    let issued = FRONTS[0]
        .call_with(&headers, &server, "upload-url", json!({"object_name": "a"}))
        .await;
    issued.expect("issued");
    assert!(!server.stop().1.contains("origin not allowed"));
}

#[tokio::test]
async fn pages_get_no_headers_that_browsers_set_themselves() {
    let origin = "https://app.example.com";
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", origin)]);
    let upload = json!({"object_name": "a", "content_length": 7, "content_type": "text/plain"});
    for front in FRONTS {
        let batch = json!({"uploads": [upload]});
        let created = front
            .call(
                &server,
                "multipart/create",
                json!({"object_name": "b", "content_length": 7}),
            )
            .await;
        let created = created.expect("created");
        let parts = json!({"object_name": "b", "upload_id": created["upload_id"],
                           "parts": [{"part_number": 1, "content_length": 7}]});
        for (route, request, headers_at) in [
            ("upload-url", &upload, "/headers"),
            ("upload-urls", &batch, "/outcomes/0/issued/headers"),
            ("multipart/sign-parts", &parts, "/parts/0/headers"),
        ] {
            for (sent, has_length) in [(&[][..], true), (&[("origin", origin)], false)] {
                let issued = front
                    .call_with(sent, &server, route, request.clone())
                    .await
                    .expect("issued");
                let headers = issued
                    .pointer(headers_at)
                    .unwrap_or_else(|| panic!("{route}: {issued}"));
                assert_eq!(headers.get("content-length").is_some(), has_length, "{route}: {issued}");
            }
        }
    }
}
