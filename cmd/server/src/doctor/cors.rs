//! The check that pages of an origin can upload: the preflight, and the response headers that the page can read.

use anyhow::ensure;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::HeaderName;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
};

use super::http::Http;
use super::report::Line;
use super::subject::Subject;

/// The request headers of uploads, which upload URLs may sign.
const SENT: [&str; 4] = [
    "content-type",
    "if-none-match",
    "x-amz-checksum-sha256",
    "x-amz-meta-doctor",
];

/// The origin to check if all are allowed.
const ANY_ORIGIN: &str = "https://app.example.com";

const REMEDY: &str = "add the origin to CORS_ALLOWED_ORIGINS and run `draftstore-server doctor --fix`, or configure CORS in \
                      the store itself";

pub(super) async fn check(subject: &Subject, http: &Http, origins: &[String]) -> Vec<Line> {
    if origins.is_empty() {
        let line = Line::info("no origin", "CORS_ALLOWED_ORIGINS is empty: web pages cannot upload");
        return vec![line];
    }
    let mut lines = Vec::new();
    for origin in origins {
        let origin = if origin == "*" { ANY_ORIGIN } else { origin };
        let check = format!("from {origin}");
        lines.push(match allowed(subject, http, origin).await {
            Ok(()) => Line::ok(check, "pages can upload, and read the ETag"),
            Err(error) => Line::missing(check, format!("pages cannot upload: {error:#}"), REMEDY),
        });
    }
    lines
}

async fn allowed(subject: &Subject, http: &Http, origin: &str) -> anyhow::Result<()> {
    let key = subject.key("cors");
    let sign = async || subject.storage.presign_put(&subject.upload(&key)).await;
    let preflight = http.preflight(sign().await?, origin, &SENT.join(",")).await?;
    ensure!(
        preflight.status().is_success(),
        "the status of the preflight is {}",
        preflight.status()
    );
    ensure!(is_for(&preflight, origin), "the preflight does not allow the origin");
    ensure!(
        lists(&preflight, &ACCESS_CONTROL_ALLOW_METHODS, "PUT"),
        "the preflight does not allow PUT"
    );
    for header in SENT {
        ensure!(
            lists(&preflight, &ACCESS_CONTROL_ALLOW_HEADERS, header),
            "the preflight does not allow {header}"
        );
    }
    let put = http.send(sign().await?, &[("origin", origin)], "x").await?;
    ensure!(is_for(&put, origin), "the page cannot read the response to the upload");
    ensure!(
        lists(&put, &ACCESS_CONTROL_EXPOSE_HEADERS, "etag"),
        "the page cannot read the ETag"
    );
    Ok(())
}

fn is_for(answer: &Response<Bytes>, origin: &str) -> bool {
    let allowed = answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
    allowed.is_some_and(|allowed| allowed == "*" || allowed == origin)
}

fn lists(answer: &Response<Bytes>, header: &HeaderName, wanted: &str) -> bool {
    let values = answer
        .headers()
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut items = values.flat_map(|value| value.split(',')).map(str::trim);
    items.any(|item| item == "*" || item.eq_ignore_ascii_case(wanted))
}
