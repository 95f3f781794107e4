//! Tests of the moves to other storage classes, with their rights in `manifest/iam/cronjob-transitions.json`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use draftstore_storage::{Operation, Transition};
use draftstore_testing::TestBuckets;
use draftstore_testing::proxy::{FaultProxy, Moment, RequestFilter};
use tempfile::TempDir;

use crate::iam::{needed, rights};
use crate::policy::Policy;
use crate::{cronjob, run, variables};

const POLICY: &str = include_str!("../../../../manifest/iam/cronjob-transitions.json");

const CLASS: &str = "STANDARD_IA";

/// Objects move as soon as they are there.
const AT_ONCE: (&str, &str) = ("TRANSITIONS", "0:STANDARD_IA");

async fn put(world: &TestBuckets, key: &str) {
    let put = world.sdk().put_object().bucket(world.main.name().as_str()).key(key);
    let put = put.metadata("author", "ada").tagging("a=1").content_type("text/plain");
    put.body(b"bytes".to_vec().into()).send().await.expect("put");
}

/// Checks that the object is whole, and returns its class.
async fn class(world: &TestBuckets, key: &str) -> String {
    let (sdk, main) = (world.sdk(), world.main.name().as_str());
    let get = sdk.get_object().bucket(main).key(key).send().await.expect("there");
    let metadata = get.metadata().and_then(|metadata| metadata.get("author"));
    assert_eq!(metadata.map(String::as_str), Some("ada"));
    assert_eq!((get.content_type(), get.tag_count()), (Some("text/plain"), Some(1)));
    let class = get
        .storage_class()
        .map_or("STANDARD", |class| class.as_str())
        .to_owned();
    let bytes = get.body.collect().await.expect("the whole object").into_bytes();
    assert_eq!(bytes, "bytes");
    class
}

fn sweep(world: &TestBuckets, settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = cronjob(&[&variables(world)[..], settings].concat());
    command.args(arguments);
    let (output, printed) = run(command);
    assert!(output.status.success(), "{printed}");
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn old_objects_move_once_and_are_counted() {
    let world = TestBuckets::embedded().await;
    put(&world, "a").await;
    put(&world, "logs/b").await;
    let printed = sweep(&world, &[AT_ONCE], &["--dry-run"]);
    assert!(printed.contains("would move a (5 bytes) to STANDARD_IA"), "{printed}");
    sweep(&world, &[("TRANSITIONS", "1:STANDARD_IA")], &[]);
    sweep(&world, &[AT_ONCE, ("SWEEP_SHARD", "1"), ("SWEEP_SHARDS", "2")], &[]);
    assert_eq!(class(&world, "a").await, "STANDARD");

    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("sweep.prom");
    let file = file.to_str().expect("UTF-8");
    let settings = [
        ("TRANSITIONS", "0:GLACIER_IR@files/logs/, 0:STANDARD_IA@files/a"),
        ("METRICS_TEXTFILE", file),
    ];
    for (moved, said) in [(2, true), (0, false)] {
        let printed = sweep(&world, &settings, &[]);
        assert_eq!(
            printed.contains("; objects moved to another storage class: 2"),
            said,
            "{printed}"
        );
        let metrics = fs::read_to_string(file).expect("a file");
        assert!(
            metrics.contains(&format!("\ndraftstore_sweep_moved {moved}\n")),
            "{metrics}"
        );
        assert!(metrics.contains("\ndraftstore_sweep_moves_failed 0\n"), "{metrics}");
    }
    assert_eq!(
        [class(&world, "a").await, class(&world, "logs/b").await],
        [CLASS, "GLACIER_IR"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_rules_are_left_to_the_store() {
    let world = TestBuckets::embedded().await;
    put(&world, "a").await;
    let rule = Transition {
        prefix: String::new(),
        days: 0,
        storage_class: CLASS.to_owned(),
    };
    world.storage.put_transitions(&world.main, &[rule]).await.expect("set");
    sweep(&world, &[AT_ONCE], &[]);
    assert_eq!(class(&world, "a").await, "STANDARD");
}

#[tokio::test(flavor = "multi_thread")]
async fn cronjob_that_is_killed_leaves_the_object_whole_and_the_next_one_moves_it() {
    for moment in [Moment::Before, Moment::After] {
        let mut world = TestBuckets::embedded().await;
        put(&world, "a").await;
        let proxy = FaultProxy::start(&world.endpoint);
        let store = std::mem::replace(&mut world.endpoint, proxy.endpoint());
        let copies = RequestFilter::of(Operation::CopyObject).on(world.main.name());
        let mut copy = proxy.pause_at(copies, 1, moment);
        let mut command = cronjob(&[&variables(&world)[..], &[AT_ONCE]].concat());
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        copy.arrived().await;
        child.kill().expect("killed");
        child.wait().expect("ended");
        drop(copy);

        world.endpoint = store;
        class(&world, "a").await;
        sweep(&world, &[AT_ONCE], &[]);
        assert_eq!(class(&world, "a").await, CLASS);
        assert_eq!(world.main_uploads().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_move_fails_the_job() {
    let world = TestBuckets::embedded().await;
    put(&world, "a").await;
    let (output, printed) = run(cronjob(
        &[&variables(&world)[..], &[("TRANSITIONS", "0:NONE")]].concat(),
    ));
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("1 objects could not be moved"), "{printed}");
    let (output, printed) = run(cronjob(&[&variables(&world)[..], &[("TRANSITIONS", "x")]].concat()));
    assert_eq!(output.status.code(), Some(64), "{printed}");
    world.keep_versions().await;
    let printed = sweep(&world, &[AT_ONCE], &[]);
    assert!(printed.contains("objects keep their storage class"), "{printed}");
}

/// The rights that headers of copies need, and copies in parts, are not in the log of requests. So this policy allows more.
#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_allows_the_requests_that_move_objects() {
    let mut world = TestBuckets::embedded().await;
    put(&world, "any/draft").await;
    let store = world.endpoint.clone();
    let mut needed_rights = rights(&mut world).await;
    let proxy = FaultProxy::start(&store);
    world.endpoint = proxy.endpoint();
    sweep(&world, &[AT_ONCE], &[]);
    assert_eq!(class(&world, "any/draft").await, CLASS);
    let requests = proxy.requests();
    needed_rights.extend(requests.iter().flat_map(|request| needed(&world, request)));
    let policy = Policy::read(POLICY);
    for right in &needed_rights {
        assert!(policy.allows(right), "missing: {right:?}");
    }
    let unlogged = policy.without_each().into_iter().filter_map(|(granted, rest)| {
        let is_needed = needed_rights.iter().any(|right| !rest.allows(right));
        (!is_needed).then_some((granted.action, granted.resource))
    });
    let expected = [
        ("s3:PutObject", "arn:aws:s3:::main-draft/.drafts/staging/*"),
        ("s3:PutObjectTagging", "arn:aws:s3:::main-draft/.drafts/probe/*"),
        ("s3:PutObjectTagging", "arn:aws:s3:::main/*"),
    ];
    let expected: BTreeSet<_> = expected
        .map(|(action, resource)| (action.to_owned(), resource.to_owned()))
        .into();
    assert_eq!(unlogged.collect::<BTreeSet<_>>(), expected);
}
