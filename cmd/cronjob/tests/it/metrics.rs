//! Tests of the metrics that a sweep leaves in a file or a Pushgateway.

#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use draftstore_testing::TestBuckets;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::{NOWHERE, SHORT_LIVED, cronjob, run, variables};

/// The reference page of all metrics.
const PAGE: &str = include_str!("../../../../docs/reference/metrics.md");

const LAST_SUCCESS: &str = "draftstore_sweep_last_success_timestamp_seconds";

/// Returns the metrics of the page that the cronjob has.
fn documented() -> BTreeSet<&'static str> {
    let names = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let is_its = |name: &&str| {
        [
            "draftstore_sweep_",
            "draftstore_usage_",
            "draftstore_store_call",
            "draftstore_store_retries",
            "draftstore_build_",
            "draftstore_spans_",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
    };
    names.filter(is_its).collect()
}

fn names(text: &str) -> BTreeSet<&str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split(' ').next()).collect()
}

fn value(text: &str, name: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .parse()
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn textfile_has_the_last_sweep_and_keeps_the_last_success() {
    let mut world = TestBuckets::embedded().await;
    for name in ["a", "b"] {
        world.draft(name, "bytes").await;
    }
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("draftstore.prom");
    let file = [("METRICS_TEXTFILE", path.to_str().expect("UTF-8"))];
    let text = || fs::read_to_string(&path).expect("written");

    let counting = [("USAGE_LISTS", "9")];
    let (output, printed) = run(cronjob(&[&variables(&world)[..], &file, &counting].concat()));
    assert!(output.status.success(), "{printed}");
    let first = text();
    assert_eq!(names(&first), documented());
    for (name, expected) in [
        ("draftstore_sweep_scanned", 2.0),
        ("draftstore_sweep_expired", 0.0),
        ("draftstore_sweep_success", 1.0),
        (r#"draftstore_sweep_brake{brake="max_delete"}"#, 0.0),
        (
            r#"draftstore_usage_objects{stage="draft",storage_class="STANDARD"}"#,
            2.0,
        ),
        (
            r#"draftstore_usage_bytes{stage="draft",storage_class="STANDARD"}"#,
            10.0,
        ),
    ] {
        assert_eq!(value(&first, name), expected, "{name}");
    }
    let succeeded = value(&first, LAST_SUCCESS);
    assert_eq!(succeeded, value(&first, "draftstore_sweep_last_run_timestamp_seconds"));
    let mode = fs::metadata(&path).expect("there").permissions().mode();
    assert_ne!(mode & 0o004, 0, "node_exporter is another user: {mode:o}");

    let brake = [("MAX_DELETE", "1")];
    while {
        run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &file, &brake].concat()));
        value(&text(), r#"draftstore_sweep_brake{brake="max_delete"}"#) == 0.0
    } {}
    let braked = text();
    assert_eq!(value(&braked, "draftstore_sweep_success"), 0.0);
    assert_eq!(value(&braked, "draftstore_sweep_deleted"), 1.0);
    assert_eq!(value(&braked, "draftstore_sweep_deleted_bytes"), 5.0);
    let succeeded = value(&braked, LAST_SUCCESS);

    world.endpoint.url = NOWHERE.to_owned();
    let (output, _) = run(cronjob(&[&variables(&world)[..], &file].concat()));
    assert_eq!(output.status.code(), Some(1));
    let failed = text();
    assert_eq!(value(&failed, "draftstore_sweep_success"), 0.0);
    assert_eq!(value(&failed, LAST_SUCCESS), succeeded);
    assert!(failed.contains(r#"outcome="no_answer""#), "{failed}");
    let left = fs::read_dir(directory.path()).expect("a directory").count();
    assert_eq!(left, 1, "no partial file is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_writes_no_textfile_and_an_unwritable_one_does_not_fail_the_sweep() {
    let world = TestBuckets::embedded().await;
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("absent/draftstore.prom");
    let file = [("METRICS_TEXTFILE", path.to_str().expect("UTF-8"))];
    let mut dry = cronjob(&[&variables(&world)[..], &file].concat());
    dry.arg("--dry-run");
    let (output, printed) = run(dry);
    assert!(
        output.status.success() && !printed.contains("METRICS_TEXTFILE"),
        "{printed}"
    );
    let (output, printed) = run(cronjob(&[&variables(&world)[..], &file].concat()));
    assert!(
        output.status.success() && printed.contains("METRICS_TEXTFILE"),
        "{printed}"
    );
}

/// Accepts and returns one request, and responds with 202.
async fn one_request(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut request = Vec::new();
    loop {
        let read = stream.read_buf(&mut request).await.expect("a request");
        let text = String::from_utf8_lossy(&request);
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: Option<usize> = length.and_then(|length| length.parse().ok());
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if read == 0 || length.is_some_and(|length| body == Some(length)) {
            break;
        }
    }
    let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await.expect("sent");
    String::from_utf8(request).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn pushgateway_gets_the_same_metrics_and_keeps_the_last_success() {
    let mut world = TestBuckets::embedded().await;
    world.draft("a", "bytes").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let gateway = [("PUSHGATEWAY_URL", url.as_str())];

    let command = cronjob(&[&variables(&world)[..], &gateway].concat());
    let sweep = tokio::task::spawn_blocking(move || run(command));
    let pushed = one_request(&listener).await;
    let (output, printed) = sweep.await.expect("ran");
    assert!(output.status.success(), "{printed}");
    assert!(
        pushed.starts_with("POST /metrics/job/draftstore_cronjob HTTP/1.1\r\n"),
        "{pushed}"
    );
    assert_eq!(names(&pushed), documented());
    assert_eq!(value(&pushed, "draftstore_sweep_scanned"), 1.0);

    let host = url.strip_prefix("http://").expect("plain HTTP");
    let with_user = [("PUSHGATEWAY_URL", format!("http://me:hush@{host}"))];
    let with_user = with_user.each_ref().map(|(name, value)| (*name, value.as_str()));
    let beside = [gateway[0], ("PUSHGATEWAY_USER", "me"), ("PUSHGATEWAY_PASSWORD", "hush")];
    for credentials in [&with_user[..], &beside] {
        let debug = [("RUST_LOG", "trace")];
        let command = cronjob(&[&variables(&world)[..], credentials, &debug].concat());
        let sweep = tokio::task::spawn_blocking(move || run(command));
        let pushed = one_request(&listener).await;
        assert!(pushed.contains("authorization: Basic bWU6aHVzaA==\r\n"), "{pushed}");
        let (_, printed) = sweep.await.expect("ran");
        assert!(
            !printed.contains("hush") && !printed.contains("bWU6aHVzaA"),
            "{printed}"
        );
    }

    let proxied = [
        ("PUSHGATEWAY_URL", "http://push.invalid/base/"),
        ("HTTP_PROXY", url.as_str()),
    ];
    let command = cronjob(&[&variables(&world)[..], &proxied].concat());
    let sweep = tokio::task::spawn_blocking(move || run(command));
    let forwarded = one_request(&listener).await;
    assert!(sweep.await.expect("ran").0.status.success());
    let line = "POST http://push.invalid/base/metrics/job/draftstore_cronjob HTTP/1.1\r\n";
    assert!(forwarded.starts_with(line), "{forwarded}");

    let part = [("SWEEP_SHARD", "1"), ("SWEEP_SHARDS", "2")];
    let command = cronjob(&[&variables(&world)[..], &gateway, &part].concat());
    let sweep = tokio::task::spawn_blocking(move || run(command));
    let beside = one_request(&listener).await;
    assert!(sweep.await.expect("ran").0.status.success());
    let line = "POST /metrics/job/draftstore_cronjob/shard/1 HTTP/1.1\r\n";
    assert!(beside.starts_with(line), "{beside}");

    world.endpoint.url = NOWHERE.to_owned();
    let command = cronjob(&[&variables(&world)[..], &gateway].concat());
    let sweep = tokio::task::spawn_blocking(move || run(command));
    let pushed = one_request(&listener).await;
    assert_eq!(sweep.await.expect("ran").0.status.code(), Some(1));
    assert!(
        !pushed.contains(LAST_SUCCESS),
        "the gateway keeps what it has: {pushed}"
    );
    assert_eq!(value(&pushed, "draftstore_sweep_success"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_pushgateway_does_not_fail_the_sweep() {
    let world = TestBuckets::embedded().await;
    let gateway = [("PUSHGATEWAY_URL", NOWHERE)];
    let (output, printed) = run(cronjob(&[&variables(&world)[..], &gateway].concat()));
    assert!(
        output.status.success() && printed.contains("PUSHGATEWAY_URL"),
        "{printed}"
    );
}
