//! The figures of a sweep, where monitoring finds them afterwards.

#![expect(clippy::float_cmp, reason = "what is counted is whole")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use draftstore_testing::TestBuckets;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::{NOWHERE, SHORT_LIVED, cronjob, run, variables};

/// The page that tells operators what there is.
const PAGE: &str = include_str!("../../../../docs/reference/metrics.md");

const LAST_SUCCESS: &str = "draftstore_sweep_last_success_timestamp_seconds";

/// Names of the page's tables that the cronjob has.
fn told() -> BTreeSet<&'static str> {
    let names = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let is_its = |name: &&str| {
        [
            "draftstore_sweep_",
            "draftstore_store_call",
            "draftstore_store_retries",
            "draftstore_build_",
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
async fn file_tells_how_the_last_sweep_went_and_remembers_the_last_success() {
    let mut world = TestBuckets::embedded().await;
    for name in ["a", "b"] {
        world.draft(name, "bytes").await;
    }
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("draftstore.prom");
    let file = [("METRICS_TEXTFILE", path.to_str().expect("UTF-8"))];
    let text = || fs::read_to_string(&path).expect("written");

    let (output, said) = run(cronjob(&[&variables(&world)[..], &file].concat()));
    assert!(output.status.success(), "{said}");
    let first = text();
    assert_eq!(names(&first), told());
    for (name, expected) in [
        ("draftstore_sweep_scanned", 2.0),
        ("draftstore_sweep_expired", 0.0),
        ("draftstore_sweep_success", 1.0),
        (r#"draftstore_sweep_brake{brake="max_delete"}"#, 0.0),
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
    assert_eq!(left, 1, "nothing half is left beside it");
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_leaves_the_file_alone_and_one_that_cannot_be_written_fails_nothing() {
    let world = TestBuckets::embedded().await;
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("absent/draftstore.prom");
    let file = [("METRICS_TEXTFILE", path.to_str().expect("UTF-8"))];
    let mut dry = cronjob(&[&variables(&world)[..], &file].concat());
    dry.arg("--dry-run");
    let (output, said) = run(dry);
    assert!(output.status.success() && !said.contains("METRICS_TEXTFILE"), "{said}");
    let (output, said) = run(cronjob(&[&variables(&world)[..], &file].concat()));
    assert!(output.status.success() && said.contains("METRICS_TEXTFILE"), "{said}");
}

/// Takes one request, whole, and answers it.
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
    stream.write_all(answer).await.expect("answered");
    String::from_utf8(request).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn pushgateway_gets_the_same_and_keeps_an_earlier_success() {
    let mut world = TestBuckets::embedded().await;
    world.draft("a", "bytes").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let gateway = [("PUSHGATEWAY_URL", url.as_str())];

    let command = cronjob(&[&variables(&world)[..], &gateway].concat());
    let sweep = tokio::task::spawn_blocking(move || run(command));
    let pushed = one_request(&listener).await;
    let (output, said) = sweep.await.expect("ran");
    assert!(output.status.success(), "{said}");
    assert!(
        pushed.starts_with("POST /metrics/job/draftstore_cronjob HTTP/1.1\r\n"),
        "{pushed}"
    );
    assert_eq!(names(&pushed), told());
    assert_eq!(value(&pushed, "draftstore_sweep_scanned"), 1.0);

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
async fn pushgateway_that_is_not_there_fails_nothing() {
    let world = TestBuckets::embedded().await;
    let gateway = [("PUSHGATEWAY_URL", NOWHERE)];
    let (output, said) = run(cronjob(&[&variables(&world)[..], &gateway].concat()));
    assert!(output.status.success() && said.contains("PUSHGATEWAY_URL"), "{said}");
}
