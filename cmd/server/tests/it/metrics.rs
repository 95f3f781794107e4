//! The metrics of the admin port, compared with `docs/reference/metrics.md`.

#![expect(clippy::float_cmp, reason = "what is counted is whole")]

use std::collections::{BTreeMap, BTreeSet};

use draftstore_testing::http_client;
use serde_json::json;

use crate::front::{FRONTS, draft};
use crate::server::{NOWHERE, Server};

/// The reference page of all metrics.
const PAGE: &str = include_str!("../../../../docs/reference/metrics.md");

/// The values of series, by name and labels.
pub(crate) type Series = BTreeMap<String, f64>;

async fn text(server: &Server) -> String {
    let answer = http_client()
        .get(format!("http://{}/metrics", server.admin))
        .send()
        .await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
    answer.text().await.expect("text")
}

/// Returns all series.
pub(crate) async fn series(server: &Server) -> Series {
    let text = text(server).await;
    let of_line = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        let value = value.replace("+Inf", "inf").parse().expect("a number");
        (name.to_owned(), value)
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(of_line)
        .collect()
}

/// Returns the value of one series.
pub(crate) async fn value(server: &Server, name: &str) -> f64 {
    series(server).await[name]
}

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let row = |line: &'static str| line.strip_prefix("| ").map(|row| row.split(" | ").collect());
    PAGE.lines().filter_map(row)
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the name and type of every metric on the page.
fn told() -> BTreeSet<(String, String)> {
    let row = |row: Vec<&str>| {
        let name = row[0].trim_matches('`');
        name.starts_with("draftstore_")
            .then(|| (name.to_owned(), row[1].to_owned()))
    };
    let mut told: BTreeSet<_> = rows().filter_map(row).collect();
    if cfg!(target_os = "linux") {
        let process = quoted(PAGE).filter(|name| name.starts_with("process_"));
        told.extend(process.map(|name| {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            (name.to_owned(), kind.to_owned())
        }));
    }
    told
}

/// Sends requests of every kind.
async fn traffic(server: &Server) {
    for front in FRONTS {
        let name = json!({"object_name": "hush"});
        front.call(server, "upload-url", name.clone()).await.expect("issued");
        front
            .call(server, "inspect-draft", name)
            .await
            .expect_err("nothing was uploaded");
    }
    for path in ["hush", "api/v1/hush", "t/dst_hush/uppy/hush"] {
        let answer = http_client().get(format!("http://{}/{path}", server.http)).send().await;
        assert_eq!(answer.expect("an answer").status(), 404);
    }
}

#[tokio::test]
async fn metrics_page_matches_the_metrics() {
    let server = Server::start();
    traffic(&server).await;
    let text = text(&server).await;
    let said = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let said: BTreeSet<_> = said
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    assert_eq!(said, told());
}

#[tokio::test]
async fn labels_have_only_the_values_of_the_page() {
    let server = Server::start();
    traffic(&server).await;
    let text = text(&server).await;
    assert!(!text.contains("hush"), "{text}");
    let routes = include_str!("../../../../proto/draft/v1/draft.proto");
    let rpcs = routes.lines().filter_map(|line| line.trim().strip_prefix("rpc "));
    let rpcs = rpcs.filter_map(|line| line.split('(').next());
    let known: BTreeSet<&str> = quoted(PAGE).chain(rpcs).collect();
    let s3 = [
        "HeadObject",
        "PutObject",
        "CopyObject",
        "DeleteObject",
        "DeleteObjects",
        "ListObjectsV2",
        "HeadBucket",
    ];
    for line in text.lines().filter(|line| line.starts_with("draftstore_")) {
        let labels = line.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        for label in labels.map(|(labels, _)| labels.split(',')).into_iter().flatten() {
            let (label, value) = label.split_once('=').expect("a label");
            let value = value.trim_matches('"');
            let is_listed = known.contains(value) || GRPC_CODES.contains(&value);
            assert!(
                matches!(label, "le" | "version" | "commit") || label == "operation" || is_listed,
                "{line}"
            );
            if label == "operation" && s3.contains(&value) {
                assert!(line.starts_with("draftstore_store_"), "{line}");
            }
        }
    }
}

/// The codes of calls that the page does not list.
const GRPC_CODES: [&str; 3] = ["NOT_FOUND", "UNIMPLEMENTED", "FAILED_PRECONDITION"];

#[tokio::test]
async fn requests_are_counted_by_call_and_outcome_on_both_fronts() {
    let server = Server::start();
    traffic(&server).await;
    let series = series(&server).await;
    for front in ["rest", "grpc"] {
        let count = |rpc: &str, code: &str| {
            let labels = format!(r#"{{code="{code}",front="{front}",rpc="{rpc}"}}"#);
            series.get(&format!("draftstore_requests_total{labels}")).copied()
        };
        assert_eq!(count("GetUploadURL", "OK"), Some(1.0));
        assert_eq!(count("InspectDraft", "NOT_FOUND"), Some(1.0));
        assert_eq!(count("InspectDraft", "OK"), Some(0.0));
        let labels = format!(r#"{{front="{front}",rpc="GetUploadURL"}}"#);
        assert_eq!(
            series[&format!("draftstore_request_duration_seconds_count{labels}")],
            1.0
        );
        assert_eq!(
            series[&format!(r#"draftstore_requests_in_flight{{front="{front}"}}"#)],
            0.0
        );
    }
    let rest =
        |rpc: &str| series[&format!(r#"draftstore_requests_total{{code="UNIMPLEMENTED",front="rest",rpc="{rpc}"}}"#)];
    assert_eq!((rest("other"), rest("Uppy")), (2.0, 1.0));
    assert_eq!(series[r#"draftstore_urls_issued_total{kind="put"}"#], 2.0);
    assert!(series["draftstore_connections_total"] >= 2.0);
    assert_eq!(series["draftstore_ready"], 1.0);
    assert_eq!(series["draftstore_store_profile_known"], 1.0);
    assert_eq!(
        series[r#"draftstore_store_condition_honoured{condition="copy_to_absent"}"#],
        1.0
    );
    for credentials in ["calls", "uploads"] {
        let left = series[&format!(r#"draftstore_credentials_seconds_left{{credentials="{credentials}"}}"#)];
        assert!(left.is_infinite(), "{left}");
    }
}

#[tokio::test]
async fn confirms_are_counted_by_outcome_and_bytes_once() {
    let server = Server::start();
    draft(&server, "a", b"seven b").await;
    let confirm = async |name: &str| {
        FRONTS[0]
            .call(&server, "confirm-upload", json!({"object_name": name}))
            .await
    };
    confirm("a").await.expect("kept");
    confirm("a").await.expect("replayed");
    confirm("b").await.expect_err("there is none");
    let batch = json!({"uploads": [{"object_name": "a"}, {"object_name": "c"}], "atomic": true});
    FRONTS[0]
        .call(&server, "confirm-uploads", batch)
        .await
        .expect("outcomes");
    let series = series(&server).await;
    let count = |outcome: &str| series[&format!(r#"draftstore_confirms_total{{outcome="{outcome}"}}"#)];
    assert_eq!((count("kept"), count("replayed"), count("not_found")), (1.0, 2.0, 2.0));
    assert_eq!(series["draftstore_confirmed_bytes_total"], 7.0);
    let calls = |operation: &str, outcome: &str| {
        let labels = format!(r#"{{operation="{operation}",outcome="{outcome}"}}"#);
        series[&format!("draftstore_store_calls_total{labels}")]
    };
    assert!(calls("CopyObject", "ok") >= 1.0 && calls("HeadObject", "not_found") >= 1.0);
    assert!(
        calls("CopyObject", "precondition_failed") >= 1.0,
        "the probe asks for it"
    );
}

#[tokio::test]
async fn calls_to_an_unreachable_store_are_counted_with_retries() {
    let server = Server::start_with(&[
        ("S3_ENDPOINT", NOWHERE),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
    ]);
    FRONTS[0]
        .call(&server, "list-drafts", json!({}))
        .await
        .expect_err("there is no store");
    let series = series(&server).await;
    assert_eq!(
        series[r#"draftstore_store_calls_total{operation="ListObjectsV2",outcome="no_answer"}"#],
        1.0
    );
    assert_eq!(
        series[r#"draftstore_store_retries_total{operation="ListObjectsV2"}"#],
        2.0
    );
    assert_eq!(series["draftstore_ready"], 0.0);
    assert_eq!(series["draftstore_store_profile_known"], 0.0);
}

#[tokio::test]
async fn refusals_are_counted_by_their_limit() {
    let server = Server::start_with(&[
        ("RATE_LIMIT", "4/3600"),
        ("CONFIRM_RATE_LIMIT", "1/3600"),
        ("ADDRESS_RATE_LIMIT", "7/3600"),
    ]);
    let large = json!({"object_name": "x".repeat(70_000)});
    FRONTS[0]
        .call(&server, "upload-url", large)
        .await
        .expect_err("too large");
    let confirm = json!({"object_name": "a"});
    for front in FRONTS {
        let refused = front.call(&server, "confirm-upload", confirm.clone()).await;
        refused.expect_err("there is no draft, or it is one too many");
    }
    for _ in 0..5 {
        // Each limit is exhausted by its own requests.
        let _ = FRONTS[1].call(&server, "upload-url", confirm.clone()).await;
    }
    let series = series(&server).await;
    let count = |limit: &str| series[&format!(r#"draftstore_refusals_total{{limit="{limit}"}}"#)];
    let counted = ["body_size", "confirm_rate", "caller_rate", "address_rate"].map(count);
    assert_eq!(counted, [1.0, 1.0, 3.0, 1.0]);
}

#[tokio::test]
async fn admin_port_has_its_own_connection_limit() {
    let server = Server::start_with(&[("MAX_CONNECTIONS", "1")]);
    let _held = std::net::TcpStream::connect(&server.http).expect("connects");
    for path in ["health", "health/live", "health/ready", "metrics"] {
        let answer = http_client()
            .get(format!("http://{}/{path}", server.admin))
            .send()
            .await;
        assert_eq!(answer.expect("an answer").status(), 200, "{path}");
    }
    let series = series(&server).await;
    assert_eq!(series["draftstore_connections"], 1.0, "its own are not among them");
}

#[tokio::test]
async fn admin_routes_are_not_on_the_public_ports() {
    let server = Server::start_with(&[("ADMIN_PORT", "off")]);
    assert_eq!(server.admin, "off");
    let answer = http_client()
        .get(format!("http://{}/metrics", server.http))
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), 404);
}
