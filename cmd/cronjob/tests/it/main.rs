//! The cronjob as Kubernetes meets it: the real binary, on a real store.
//!
//! The store runs on threads of its own, while the test waits for the binary.

mod bucket;

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use draftstore_storage::Storage as _;

use crate::bucket::Bucket;

/// What is to expire has a lifetime of a second.
const PATIENCE: Duration = Duration::from_secs(20);

const SHORT_LIVED: [(&str, &str); 3] = [("OBJECT_LIFETIME", "1"), ("UPLOAD_TTL", "1"), ("SWEEP_GRACE", "0")];

fn cronjob(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_draftstore-cronjob"));
    command.env_clear().envs(variables.iter().copied());
    command
}

fn run(mut command: Command) -> (Output, String) {
    let output = command.output().expect("runs");
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    (output, said)
}

/// Sweeps until as many have expired as are expected to.
fn sweep_until_expired(bucket: &Bucket, arguments: &[&str], expired: usize) -> String {
    let begun = Instant::now();
    loop {
        let mut command = cronjob(&[&bucket.variables()[..], &SHORT_LIVED].concat());
        command.args(arguments);
        let (output, said) = run(command);
        assert!(output.status.success(), "{said}");
        if said.contains(&format!("expired {expired},")) {
            return said;
        }
        assert!(begun.elapsed() < PATIENCE, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_drafts_and_uploads_are_removed_and_main_is_not_touched() {
    let bucket = Bucket::new().await;
    bucket.put_main("confirmed").await;
    bucket.put("old").await;
    bucket.begin_upload("half").await;

    let said = sweep_until_expired(&bucket, &["--dry-run"], 2);
    assert!(said.contains("would delete draft old"), "{said}");
    assert!(said.contains("would abort upload"), "{said}");
    assert_eq!(bucket.keys().await, ["old"], "a dry run removes nothing");

    let said = sweep_until_expired(&bucket, &[], 2);
    assert!(said.contains("deleted 2, failed 0, 5 bytes"), "{said}");
    assert_eq!(bucket.keys().await, Vec::<String>::new());
    assert_eq!(bucket.uploads().await, 0);
    bucket
        .storage
        .head(bucket.main.name(), &"confirmed".parse().expect("valid"))
        .await
        .expect("main keeps it");
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_drafts_and_uploads_are_kept() {
    let bucket = Bucket::new().await;
    bucket.put("fresh").await;
    bucket.begin_upload("half").await;
    let (output, said) = run(cronjob(&bucket.variables()));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("scanned 2, expired 0, deleted 0"), "{said}");
    assert_eq!((bucket.keys().await.len(), bucket.uploads().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_page_is_swept() {
    let bucket = Bucket::new().await;
    bucket.put_many(1_100).await;
    sweep_until_expired(&bucket, &["--dry-run"], 1_100);
    sweep_until_expired(&bucket, &[], 1_100);
    assert_eq!(bucket.keys().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_sweeps_until_sigterm() {
    let bucket = Bucket::new().await;
    bucket.put("old").await;
    let schedule = [("CLEANUP_SCHEDULE", "* * * * * *")];
    let mut command = cronjob(&[&bucket.variables()[..], &SHORT_LIVED, &schedule].concat());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let begun = Instant::now();
    while !bucket.keys().await.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "the draft is still there");
    }
    assert_eq!(child.try_wait().expect("asked"), None, "it stays");
    let kill = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .expect("kill runs");
    assert!(kill.success());
    assert!(child.wait().expect("ends").success());
}

#[test]
fn one_bucket_for_both_is_refused() {
    let (output, said) = run(cronjob(&[("BUCKET_NAME", "files"), ("DRAFT_BUCKET_NAME", "files")]));
    assert_eq!(output.status.code(), Some(64));
    assert!(said.contains("DRAFT_BUCKET_NAME"), "{said}");
}

#[test]
fn missing_embedded_store_is_said_clearly() {
    let empty = tempfile::TempDir::new().expect("a temporary directory");
    let data_dir = empty.path().to_str().expect("UTF-8");
    let (output, said) = run(cronjob(&[("EMBEDDED_DATA_DIR", data_dir)]));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("no embedded store has run") && said.contains(data_dir),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_bucket_fails_the_job() {
    let bucket = Bucket::new().await;
    let (output, said) = run(cronjob(
        &[&bucket.variables()[..], &[("BUCKET_NAME", "absent")]].concat(),
    ));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("no such bucket"), "{said}");
}
