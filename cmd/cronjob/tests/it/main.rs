//! Tests of the cronjob's binary on a real store.
//!
//! The store runs on threads of its own, while the test waits for the binary.

mod iam;
mod idle;
mod metrics;
mod owner;
mod policy;
mod put_refused;
mod replaced;
mod shards;
mod transitions;
mod usage;

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use draftstore_storage::IfDestination;
use draftstore_testing::{TestBuckets, key};
use futures::stream::{self, StreamExt as _};

/// The URL of an unreachable store: no program listens on the port of tcpmux.
const NOWHERE: &str = "http://127.0.0.1:1";

/// The time that a test waits for drafts to expire. Their lifetime is a second.
const TIMEOUT: Duration = Duration::from_secs(20);

const SHORT_LIVED: [(&str, &str); 3] = [("OBJECT_LIFETIME", "1"), ("UPLOAD_TTL", "1"), ("SWEEP_GRACE", "0")];

/// The number of concurrent uploads.
const UPLOADS_AT_ONCE: usize = 16;

/// Returns the environment variables for this store. Nothing is counted, so that a sweep leaves nothing in the draft bucket.
fn variables(world: &TestBuckets) -> [(&str, &str); 6] {
    [
        ("BUCKET_NAME", world.main.name().as_str()),
        ("S3_ENDPOINT", &world.endpoint.url),
        ("AWS_REGION", &world.endpoint.region),
        ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
        ("USAGE_LISTS", "0"),
    ]
}

fn cronjob(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_draftstore-cronjob"));
    command.env_clear().envs(variables.iter().copied());
    command
}

fn run(mut command: Command) -> (Output, String) {
    let output = command.output().expect("runs");
    let printed = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    (output, printed)
}

/// Sweeps until this many drafts and uploads have expired, and returns the output.
fn sweep_until_expired(world: &TestBuckets, arguments: &[&str], expired: usize) -> String {
    let begun = Instant::now();
    loop {
        let mut command = cronjob(&[&variables(world)[..], &SHORT_LIVED].concat());
        command.args(arguments);
        let (output, printed) = run(command);
        assert!(output.status.success(), "{printed}");
        if printed.contains(&format!("expired {expired},")) {
            return printed;
        }
        assert!(begun.elapsed() < TIMEOUT, "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_drafts_and_uploads_are_removed_and_main_is_untouched() {
    let world = TestBuckets::embedded().await;
    let confirmed = world.draft("confirmed", "bytes").await;
    world
        .copy(&confirmed, &confirmed.key, IfDestination::Absent)
        .await
        .expect("copied");
    world
        .storage
        .delete_draft(&world.draft, &confirmed)
        .await
        .expect("deleted");
    world.draft("old", "draft").await;
    world.begin_upload("half").await;

    let printed = sweep_until_expired(&world, &["--dry-run"], 2);
    assert!(printed.contains("would delete draft old"), "{printed}");
    assert!(printed.contains("would abort upload"), "{printed}");
    assert_eq!(world.draft_keys().await, ["old"], "a dry run removes nothing");

    let printed = sweep_until_expired(&world, &[], 2);
    assert!(printed.contains("deleted 2, failed 0, 5 bytes"), "{printed}");
    assert_eq!(world.draft_keys().await, Vec::<String>::new());
    assert_eq!(world.uploads().await, 0);
    assert_eq!(
        world.main_bytes(&key("confirmed")).await.as_deref(),
        Some(&b"bytes"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn brakes_stop_the_sweep_and_are_reported() {
    let world = TestBuckets::embedded().await;
    for name in ["a", "b", "c"] {
        world.draft(name, "bytes").await;
    }
    sweep_until_expired(&world, &["--dry-run"], 3);
    let braked = |brake: (&str, &str)| {
        let (output, printed) = run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &[brake]].concat()));
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.contains(&format!("stopped at {},", brake.0)), "{printed}");
    };
    braked(("MAX_DELETE_FRACTION", "0.5"));
    assert_eq!(world.draft_keys().await.len(), 2);
    braked(("MAX_DELETE", "1"));
    assert_eq!(world.draft_keys().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_drafts_and_uploads_are_kept() {
    let world = TestBuckets::embedded().await;
    world.draft("fresh", "draft").await;
    world.begin_upload("half").await;
    let (output, printed) = run(cronjob(&variables(&world)));
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("scanned 2, expired 0, deleted 0"), "{printed}");
    assert_eq!((world.draft_keys().await.len(), world.uploads().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_page_is_swept() {
    let world = TestBuckets::embedded().await;
    let uploads = stream::iter(0..1_100).map(|n| {
        let world = &world;
        async move { world.draft(&format!("drafts/{n:05}"), "draft").await }
    });
    uploads.buffer_unordered(UPLOADS_AT_ONCE).for_each(async |_| {}).await;
    sweep_until_expired(&world, &["--dry-run"], 1_100);
    sweep_until_expired(&world, &[], 1_100);
    assert_eq!(world.draft_keys().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn schedule_sweeps_until_sigterm() {
    let world = TestBuckets::embedded().await;
    world.draft("old", "draft").await;
    let schedule = [("CLEANUP_SCHEDULE", "* * * * * *")];
    let mut command = cronjob(&[&variables(&world)[..], &SHORT_LIVED, &schedule].concat());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let begun = Instant::now();
    while !world.draft_keys().await.is_empty() {
        assert!(begun.elapsed() < TIMEOUT, "the draft is still there");
    }
    assert_eq!(child.try_wait().expect("a status"), None, "it keeps running");
    let kill = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .expect("kill runs");
    assert!(kill.success());
    assert!(child.wait().expect("ends").success());
}

#[test]
fn one_bucket_for_both_is_refused() {
    let (output, printed) = run(cronjob(&[("BUCKET_NAME", "files"), ("DRAFT_BUCKET_NAME", "files")]));
    assert_eq!(output.status.code(), Some(64));
    assert!(printed.contains("DRAFT_BUCKET_NAME"), "{printed}");
}

#[test]
fn missing_embedded_store_is_a_clear_error() {
    let empty = tempfile::TempDir::new().expect("a temporary directory");
    let data_dir = empty.path().to_str().expect("UTF-8");
    let (output, printed) = run(cronjob(&[("EMBEDDED_DATA_DIR", data_dir)]));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed.contains("no embedded store has run") && printed.contains(data_dir),
        "{printed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_bucket_fails_the_job() {
    let world = TestBuckets::embedded().await;
    let (output, printed) = run(cronjob(
        &[&variables(&world)[..], &[("BUCKET_NAME", "absent")]].concat(),
    ));
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("no such bucket"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_store_fails_the_job() {
    let mut world = TestBuckets::embedded().await;
    world.endpoint.url = NOWHERE.to_owned();
    let (output, printed) = run(cronjob(&variables(&world)));
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("the store is unavailable"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn require_safe_store_accepts_a_safe_store_and_refuses_a_missing_bucket() {
    let world = TestBuckets::embedded().await;
    let safe = [("REQUIRE_SAFE_STORE", "true")];
    let (output, printed) = run(cronjob(&[&variables(&world)[..], &safe].concat()));
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("store honours every condition"), "{printed}");
    let absent = [("BUCKET_NAME", "absent")];
    let (output, printed) = run(cronjob(&[&variables(&world)[..], &safe, &absent].concat()));
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("doctor --fix"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaner_without_put_permission_sweeps_without_conditions() {
    let mut world = TestBuckets::embedded().await;
    world.draft("old", "draft").await;
    let store = world.endpoint.url.strip_prefix("http://").expect("plain HTTP");
    let proxy = put_refused::proxy(store.parse().expect("an address")).await;
    world.endpoint.url = format!("http://{proxy}");
    let printed = sweep_until_expired(&world, &[], 1);
    assert!(printed.contains("no condition assumed"), "{printed}");
    assert_eq!(world.draft_keys().await, Vec::<String>::new());

    let safe = [("REQUIRE_SAFE_STORE", "true")];
    let (output, printed) = run(cronjob(&[&variables(&world)[..], &safe].concat()));
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("the store cannot be probed"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn short_lifetime_is_reported_before_anything_is_deleted() {
    let world = TestBuckets::embedded().await;
    for (lifetime, arguments, is_reported) in [
        (&SHORT_LIVED[..], &[][..], true),
        (&SHORT_LIVED, &["--dry-run"], false),
        (&[("OBJECT_LIFETIME", "3600")], &[], false),
    ] {
        let mut command = cronjob(&[&variables(&world)[..], lifetime].concat());
        command.args(arguments);
        let (output, printed) = run(command);
        assert!(output.status.success(), "{printed}");
        let reported = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            reported.contains("short draft lifetime") && reported.contains("--dry-run"),
            is_reported,
            "{printed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_output_does_not_stop_a_sweep() {
    let world = TestBuckets::embedded().await;
    for name in ["a", "b", "c"] {
        world.draft(name, "draft").await;
    }
    sweep_until_expired(&world, &["--dry-run"], 3);
    for arguments in [&["--dry-run"][..], &[]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = cronjob(&[&variables(&world)[..], &SHORT_LIVED].concat());
        command.args(arguments).stdout(writer);
        let (output, printed) = run(command);
        assert!(output.status.success() && !printed.contains("panicked"), "{printed}");
    }
    assert_eq!(world.draft_keys().await, Vec::<String>::new());
}

#[test]
fn unusable_data_directory_is_named_with_its_variable_and_the_cause() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "no directory").expect("written");
    let file = file.to_str().expect("UTF-8");
    let (output, printed) = run(cronjob(&[("EMBEDDED_DATA_DIR", file)]));
    assert_eq!(output.status.code(), Some(1));
    for part in ["EMBEDDED_DATA_DIR", file, "Not a directory"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}
