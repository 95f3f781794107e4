//! The cronjob as Kubernetes meets it: the real binary, on a real store.
//!
//! The store runs on threads of its own, while the test waits for the binary.

mod figures;
mod iam;
mod keeper;
mod owner;
mod parts;
mod policy;

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use draftstore_storage::IfDestination;
use draftstore_testing::{TestBuckets, key};
use futures::stream::{self, StreamExt as _};

/// The URL of a store that is not there: no program listens on the port of tcpmux.
const NOWHERE: &str = "http://127.0.0.1:1";

/// What is to expire has a lifetime of a second.
const PATIENCE: Duration = Duration::from_secs(20);

const SHORT_LIVED: [(&str, &str); 3] = [("OBJECT_LIFETIME", "1"), ("UPLOAD_TTL", "1"), ("SWEEP_GRACE", "0")];

/// How many uploads run side by side.
const UPLOADS_AT_ONCE: usize = 16;

/// What the cronjob needs to find a store.
fn variables(world: &TestBuckets) -> [(&str, &str); 5] {
    [
        ("BUCKET_NAME", world.main.name().as_str()),
        ("S3_ENDPOINT", &world.endpoint.url),
        ("AWS_REGION", &world.endpoint.region),
        ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
    ]
}

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
fn sweep_until_expired(world: &TestBuckets, arguments: &[&str], expired: usize) -> String {
    let begun = Instant::now();
    loop {
        let mut command = cronjob(&[&variables(world)[..], &SHORT_LIVED].concat());
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

    let said = sweep_until_expired(&world, &["--dry-run"], 2);
    assert!(said.contains("would delete draft old"), "{said}");
    assert!(said.contains("would abort upload"), "{said}");
    assert_eq!(world.draft_keys().await, ["old"], "a dry run removes nothing");

    let said = sweep_until_expired(&world, &[], 2);
    assert!(said.contains("deleted 2, failed 0, 5 bytes"), "{said}");
    assert_eq!(world.draft_keys().await, Vec::<String>::new());
    assert_eq!(world.uploads().await, 0);
    assert_eq!(
        world.main_bytes(&key("confirmed")).await.as_deref(),
        Some(&b"bytes"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn brakes_stop_the_sweep_and_are_told() {
    let world = TestBuckets::embedded().await;
    for name in ["a", "b", "c"] {
        world.draft(name, "bytes").await;
    }
    sweep_until_expired(&world, &["--dry-run"], 3);
    let braked = |brake: (&str, &str)| {
        let (output, said) = run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &[brake]].concat()));
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("{} ", brake.0)), "{said}");
    };
    braked(("MAX_DELETE_FRACTION", "0.5"));
    assert_eq!(world.draft_keys().await.len(), 3);
    braked(("MAX_DELETE", "2"));
    assert_eq!(world.draft_keys().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_drafts_and_uploads_are_kept() {
    let world = TestBuckets::embedded().await;
    world.draft("fresh", "draft").await;
    world.begin_upload("half").await;
    let (output, said) = run(cronjob(&variables(&world)));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("scanned 2, expired 0, deleted 0"), "{said}");
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
    let world = TestBuckets::embedded().await;
    let (output, said) = run(cronjob(
        &[&variables(&world)[..], &[("BUCKET_NAME", "absent")]].concat(),
    ));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("no such bucket"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_cannot_be_reached_fails_the_job() {
    let mut world = TestBuckets::embedded().await;
    world.endpoint.url = NOWHERE.to_owned();
    let (output, said) = run(cronjob(&variables(&world)));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("the store is unavailable"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_store_is_swept_where_one_is_required_and_a_missing_bucket_is_refused() {
    let world = TestBuckets::embedded().await;
    let safe = [("REQUIRE_SAFE_STORE", "true")];
    let (output, said) = run(cronjob(&[&variables(&world)[..], &safe].concat()));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("store honours every condition"), "{said}");
    let absent = [("BUCKET_NAME", "absent")];
    let (output, said) = run(cronjob(&[&variables(&world)[..], &safe, &absent].concat()));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("doctor --fix"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaner_that_may_not_put_sweeps_without_relying_on_anything() {
    let mut world = TestBuckets::embedded().await;
    world.draft("old", "draft").await;
    let store = world.endpoint.url.strip_prefix("http://").expect("plain HTTP");
    let keeper = keeper::before(store.parse().expect("an address")).await;
    world.endpoint.url = format!("http://{keeper}");
    let said = sweep_until_expired(&world, &[], 1);
    assert!(said.contains("no condition is relied on"), "{said}");
    assert_eq!(world.draft_keys().await, Vec::<String>::new());

    let safe = [("REQUIRE_SAFE_STORE", "true")];
    let (output, said) = run(cronjob(&[&variables(&world)[..], &safe].concat()));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("the store cannot be probed"), "{said}");
}
