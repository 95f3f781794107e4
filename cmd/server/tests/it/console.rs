//! Tests of the console's files over HTTP. Other tests run them in a browser.

use draftstore_testing::Embedded;
use draftstore_testing::http_client;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::front::FRONTS;
use crate::server::{NOWHERE, Server};

async fn get(server: &Server, path: &str) -> Response {
    let answer = http_client().get(format!("http://{}{path}", server.http)).send().await;
    answer.expect("an answer")
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).unwrap_or_else(|| panic!("{name} is missing"));
    value.to_str().expect("ASCII")
}

/// Returns the sources that a directive of the page's policy allows.
fn sources(headers: &HeaderMap, directive: &str) -> Vec<String> {
    let policy = text(headers, "content-security-policy");
    let mut all = policy.split(';').map(str::trim);
    let found = all.find_map(|one| one.strip_prefix(directive)?.strip_prefix(' '));
    let found = found.unwrap_or_else(|| panic!("no {directive} in {policy}"));
    found.split(' ').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn page_loads_only_files_of_the_server() {
    let server = Server::start();
    let page = get(&server, "/").await;
    assert_eq!(text(page.headers(), "content-type"), "text/html; charset=utf-8");
    let html = page.text().await.expect("text");
    assert!(!html.contains("://"), "the page names another host");
    let quoted = html.split('"').filter(|part| part.starts_with("console/"));
    let mut seen = 0;
    for path in quoted {
        let answer = get(&server, &format!("/{path}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let content_type = match path.rsplit_once('.').expect("an extension").1 {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other} is not expected"),
        };
        assert_eq!(text(answer.headers(), "content-type"), content_type, "{path}");
        assert_eq!(text(answer.headers(), "x-content-type-options"), "nosniff");
        seen += 1;
    }
    assert!(seen >= 5, "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_says_if_copies_are_kept() {
    let mut etags = Vec::new();
    for (keeps, tag) in [
        ("false", "<html lang=\"en\">"),
        ("true", "<html lang=\"en\" data-keeps-copies>"),
    ] {
        let server = Server::start_with(&[("KEEP_REPLACED", keeps)]);
        let page = get(&server, "/").await;
        etags.push(text(page.headers(), "etag").to_owned());
        let html = page.text().await.expect("text");
        assert!(html.contains(tag), "{html}");
    }
    assert_ne!(etags[0], etags[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_may_run_only_its_scripts_and_reach_only_its_store() {
    let server = Server::start();
    let page = get(&server, "/").await;
    let headers = page.headers();
    for directive in ["default-src", "base-uri", "form-action", "frame-ancestors"] {
        assert_eq!(sources(headers, directive), ["'none'"], "{directive}");
    }
    for directive in ["script-src", "style-src"] {
        assert_eq!(sources(headers, directive), ["'self'"], "{directive}");
    }
    assert_eq!(sources(headers, "connect-src"), ["'self'", &server.store]);
    assert_eq!(sources(headers, "img-src"), ["'self'", "data:", "blob:", &server.store]);
    assert_eq!(sources(headers, "media-src"), ["'self'", "blob:", &server.store]);
    assert_eq!(text(headers, "referrer-policy"), "no-referrer");
    assert_eq!(text(headers, "cross-origin-opener-policy"), "same-origin");
}

/// Presigned URLs are for the public endpoint, and have the bucket in the host name if configured.
#[tokio::test(flavor = "multi_thread")]
async fn csp_has_the_origins_of_presigned_urls() {
    let variables = [
        ("S3_ENDPOINT", NOWHERE),
        ("S3_PUBLIC_ENDPOINT", "https://files.example.com:8443"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("BUCKET_NAME", "photos"),
    ];
    let by_path = Server::start_with(&variables);
    let by_host = Server::start_with(&[&variables[..], &[("S3_PATH_STYLE", "false")]].concat());
    for (server, origins) in [
        (by_path, &["https://files.example.com:8443"][..]),
        (
            by_host,
            &[
                "https://photos-draft.files.example.com:8443",
                "https://photos.files.example.com:8443",
            ],
        ),
    ] {
        let page = get(&server, "/").await;
        let expected = [&["'self'"], origins].concat();
        assert_eq!(sources(page.headers(), "connect-src"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_files_are_304() {
    let server = Server::start();
    for path in ["/", "/console/vendor/uppy.js"] {
        let first = get(&server, path).await;
        let etag = text(first.headers(), "etag").to_owned();
        assert_eq!(text(first.headers(), "cache-control"), "no-cache", "{path}");
        for (tags, status) in [
            (etag.clone(), StatusCode::NOT_MODIFIED),
            (format!("\"other\", W/{etag}"), StatusCode::NOT_MODIFIED),
            ("\"other\"".to_owned(), StatusCode::OK),
        ] {
            let request = http_client().get(format!("http://{}{path}", server.http));
            let answer = request.header("if-none-match", &tags).send().await.expect("an answer");
            assert_eq!(answer.status(), status, "{path} with {tags}");
            assert_eq!(text(answer.headers(), "etag"), etag);
            let body = answer.bytes().await.expect("a body");
            assert_eq!(
                body.is_empty(),
                status == StatusCode::NOT_MODIFIED,
                "{path} with {tags}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_path_is_404_with_the_console() {
    let server = Server::start();
    for path in [
        "/console",
        "/console/",
        "/console/app/../../Cargo.toml",
        "/console/app/none.js",
        "/index.html",
    ] {
        let answer = get(&server, path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(problem["code"], "NO_SUCH_ROUTE", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn console_off_does_not_affect_the_api() {
    let server = Server::start_with(&[("CONSOLE", "off")]);
    for path in ["/", "/console/app/main.js", "/console/vendor/uppy.js"] {
        let answer = get(&server, path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(problem["code"], "NO_SUCH_ROUTE", "{path}");
    }
    let listed = FRONTS[0].call(&server, "list-drafts", json!({})).await;
    listed.expect("an answer");
    assert!(!may_upload(&server, &own_origin(&server, "localhost")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn console_may_use_the_embedded_store_on_any_port() {
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", "https://app.example.com")]);
    for host in ["localhost", "127.0.0.1"] {
        assert!(may_upload(&server, &own_origin(&server, host)).await, "{host}");
    }
    assert!(may_upload(&server, "https://app.example.com").await);
    assert!(!may_upload(&server, "http://localhost").await);
}

/// Another store may serve pages of others, so its operator configures CORS.
#[tokio::test(flavor = "multi_thread")]
async fn console_origin_is_not_added_to_other_stores() {
    let store = Embedded::start().await;
    let endpoint = store.endpoint();
    let server = Server::start_with(&[
        ("S3_ENDPOINT", &endpoint.url),
        ("AWS_ACCESS_KEY_ID", &endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &endpoint.secret_access_key),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.com"),
    ]);
    let made = FRONTS[0].call(&server, "draft-bucket", json!({})).await;
    made.expect("made");
    assert!(may_upload(&server, "https://app.example.com").await);
    assert!(!may_upload(&server, &own_origin(&server, "127.0.0.1")).await);
}

fn own_origin(server: &Server, host: &str) -> String {
    let port = server.http.rsplit_once(':').expect("a port").1;
    format!("http://{host}:{port}")
}

/// Returns whether the store allows pages of this origin to upload.
async fn may_upload(server: &Server, origin: &str) -> bool {
    let issued = FRONTS[0].call(server, "upload-url", json!({"object_name": "a"})).await;
    let issued = issued.expect("issued");
    let preflight = http_client()
        .request(reqwest::Method::OPTIONS, issued["upload_url"].as_str().expect("a URL"))
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .send()
        .await
        .expect("an answer");
    let granted = preflight.headers().get("access-control-allow-origin");
    granted.is_some_and(|value| value == origin)
}

/// The links of a page are relative, and would lose the ticket.
#[tokio::test]
async fn path_that_ends_with_a_ticket_leads_to_the_page() {
    let server = Server::start();
    let minted = FRONTS[0].call(&server, "tickets", json!({})).await.expect("minted");
    let ticket = minted["ticket"].as_str().expect("a ticket");
    for (path, location) in [
        (format!("/t/{ticket}"), format!("./{ticket}/")),
        (format!("/t/{ticket}?x=1"), format!("./{ticket}/?x=1")),
    ] {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = client.build().expect("a client");
        let url = format!("http://{}{path}", server.http);
        let response = client.get(&url).send().await.expect("a response");
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(text(response.headers(), "location"), location);
        let page = reqwest::get(&url).await.expect("a response");
        assert_eq!(page.status(), StatusCode::OK);
        assert!(page.url().path().ends_with('/'), "{}", page.url().path());
    }
}
