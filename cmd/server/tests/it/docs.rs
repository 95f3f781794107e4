//! Tests of the HTML of the API page. Other tests check its layout in a browser, and run its examples in a shell.

use std::collections::BTreeSet;

use draftstore_testing::http_client;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::server::Server;

async fn get(server: &Server, path: &str) -> Response {
    let answer = http_client().get(format!("http://{}{path}", server.http)).send().await;
    answer.expect("an answer")
}

async fn page(server: &Server) -> String {
    let answer = get(server, "/docs").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    answer.text().await.expect("text")
}

/// Returns all values of an attribute.
fn attributes<'h>(html: &'h str, name: &str) -> BTreeSet<&'h str> {
    let start = format!(" {name}=\"");
    let values = html.split(&start).skip(1);
    values.map(|rest| rest.split('"').next().expect("a value")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn page_has_no_scripts_and_loads_only_its_own_files() {
    let server = Server::start();
    let answer = get(&server, "/docs").await;
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .expect("ASCII")
        .to_owned();
    for directive in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "style-src 'self'",
        "img-src 'self'",
    ] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    let html = answer.text().await.expect("text");
    for never in ["<script", " onclick", " style=", "javascript:"] {
        assert!(!html.contains(never), "{never}");
    }
    let files = attributes(&html, "src");
    let linked = attributes(&html, "href");
    let linked = linked.into_iter().filter(|link| !link.starts_with('#'));
    for path in files.into_iter().chain(linked) {
        // A relative path also works under the path prefix of a proxy.
        assert!(!path.starts_with('/') && !path.contains(':'), "{path}");
        assert_eq!(
            get(&server, &format!("/{path}")).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_on_the_page_has_one_target() {
    let server = Server::start();
    let html = page(&server).await;
    let places = attributes(&html, "id");
    let links = attributes(&html, "href");
    let inner: Vec<_> = links.iter().filter_map(|link| link.strip_prefix('#')).collect();
    assert!(inner.len() > 40, "{}", inner.len());
    for link in inner {
        assert!(places.contains(link), "{link}");
        assert_eq!(html.matches(&format!(" id=\"{link}\"")).count(), 1, "{link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_and_field_of_the_document_is_on_the_page() {
    let server = Server::start();
    let html = page(&server).await;
    let document: Value = get(&server, "/openapi.json").await.json().await.expect("JSON");
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        assert!(html.contains(&format!("<code>{path}</code>")), "{path}");
        for operation in operations.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("a name");
            assert!(html.contains(&format!("<h3 id=\"{id}\"")), "{id}");
            seen += 1;
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        for field in schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(field, _)| field)
        {
            assert!(
                html.contains(&format!("<code class=\"field-name\">{field}</code>")),
                "{name}.{field}"
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_without_the_console_does_not_link_to_it() {
    let console = "href=\"./\"";
    assert!(page(&Server::start()).await.contains(console));
    let server = Server::start_with(&[("CONSOLE", "off")]);
    assert!(!page(&server).await.contains(console));
    assert_eq!(get(&server, "/openapi.json").await.status(), StatusCode::OK);
    assert_eq!(get(&server, "/docs/base.css").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_and_servers_have_the_url_of_the_request() {
    let server = Server::start_with(&[("ALLOWED_HOSTS", "drafts.example.com,example.com")]);
    let proxied = [
        ("host", "example.com"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/drafts"),
    ];
    for (headers, expected) in [
        (&[("host", "drafts.example.com")][..], Some("http://drafts.example.com")),
        (&[("host", "127.0.0.1")], Some("http://127.0.0.1")),
        (&proxied, Some("https://example.com/drafts")),
    ] {
        let get = async |path: &str| {
            let request = http_client().get(format!("http://{}/{path}", server.http));
            let request = headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, *value));
            request.send().await.expect("a response")
        };
        let html = get("docs").await.text().await.expect("text");
        let example = expected.unwrap_or("http://localhost:8080");
        assert!(
            html.contains(&format!("curl -s {example}/api/v1/upload-url -d ")),
            "{headers:?}"
        );
        let document: Value = get("openapi.json").await.json().await.expect("JSON");
        assert_eq!(document["servers"][0]["url"], expected.unwrap_or("/"), "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_page_is_304() {
    let server = Server::start();
    let first = get(&server, "/docs").await;
    let etag = first.headers()["etag"].clone();
    let again = http_client()
        .get(format!("http://{}/docs", server.http))
        .header("if-none-match", etag);
    assert_eq!(
        again.send().await.expect("an answer").status(),
        StatusCode::NOT_MODIFIED
    );
}
