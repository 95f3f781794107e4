//! A probe tells what the store really enforces, whatever the store says, and leaves no trace.

use std::sync::Arc;

use aws_sdk_s3::types::{
    DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
};
use draftstore_s3::S3Storage;
use draftstore_storage::{
    Administration, Attributes, Capabilities, Condition, CopyToMain, DraftBucket, DraftVersion, Error, ErrorKind,
    Feature, IfDestination, Objects as _, Presign as _, PresignPut, StageCopy, Support,
};

use draftstore_testing::{TestBuckets, bucket, etag, key};

use crate::canned::{answer, error};
use crate::{gate, parts};

async fn probe(storage: &dyn Administration, world: &TestBuckets) -> Result<Capabilities, Error> {
    storage.probe(&world.draft, &key(".probe/ü +%20")).await
}

pub(crate) async fn a_probe_finds_every_condition_honoured(world: &TestBuckets) {
    let found = probe(&*world.storage, world).await.expect("found out");
    assert_eq!(found, Capabilities::ALL);
}

/// SeaweedFS checks some conditions and acts later. A probe loses a race for each, but for one in a hundred times.
pub(crate) async fn a_probe_finds_what_seaweedfs_checks_too_early(world: &TestBuckets) {
    let found = probe(&*world.storage, world).await.expect("found out");
    let early = [
        Condition::CompleteToAbsent,
        Condition::CompleteOver,
        Condition::DeleteMany,
    ];
    for condition in Condition::ALL {
        let expected = if early.contains(&condition) {
            Support::NotAtomic
        } else {
            Support::Honoured
        };
        assert_eq!(found.of(condition), expected, "{condition}");
    }
}

/// Garage's lacks.
pub(crate) async fn a_probe_finds_what_garage_ignores(world: &TestBuckets) {
    let found = probe(&*world.storage, world).await.expect("found out");
    let expected = Capabilities::NONE
        .with(Condition::CopySource, Support::Honoured)
        .with(Condition::PartSource, Support::Honoured)
        .with(Condition::PartSourceKey, Support::Honoured)
        .with(Condition::CopyMd5, Support::Honoured)
        .with(Condition::ListParts, Support::Honoured);
    assert_eq!(found, expected);
}

pub(crate) async fn a_probe_leaves_nothing_behind(world: &TestBuckets) {
    for _ in 0..2 {
        probe(&*world.storage, world).await.expect("found out");
        assert_eq!(world.draft_keys().await, Vec::<String>::new());
        assert_eq!((world.uploads().await, world.main_uploads().await), (0, 0));
    }
}

/// Only the embedded store keeps the locks of copies, of those that are tested.
#[tokio::test(flavor = "multi_thread")]
async fn probe_of_locks_leaves_nothing_where_objects_are_retained_by_default() {
    let world = TestBuckets::embedded().await;
    world.keep_versions().await;
    let retained = DefaultRetention::builder()
        .mode(ObjectLockRetentionMode::Governance)
        .days(1)
        .build();
    let config = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .rule(ObjectLockRule::builder().default_retention(retained).build())
        .build();
    let main = world.main.name().as_str();
    let put = world.sdk().put_object_lock_configuration().bucket(main);
    put.object_lock_configuration(config).send().await.expect("put");
    let prefix = key(".probe/a");
    let features = world.storage.features(&world.draft, &world.main, &prefix);
    assert!(features.await.expect("found out").has(Feature::ObjectLock));
    let left = world
        .sdk()
        .list_object_versions()
        .bucket(main)
        .send()
        .await
        .expect("listed");
    assert_eq!((left.versions().len(), left.delete_markers().len()), (0, 0));
}

pub(crate) async fn a_probe_touches_nothing_but_its_prefix(world: &TestBuckets) {
    let draft = world.draft("draft", "bytes").await;
    let main_key = key("kept");
    let copied = world.copy(&draft, &main_key, IfDestination::Absent).await;
    probe(&*world.storage, world).await.expect("found out");
    let left = world.storage.head(world.draft.name(), &draft.key).await;
    assert_eq!(left.expect("it is there").etag, draft.etag);
    let left = world.storage.head(world.main.name(), &main_key).await;
    assert_eq!(left.expect("it is there").etag, copied.expect("copied"));
}

pub(crate) async fn a_probe_of_a_missing_bucket_says_so(world: &TestBuckets) {
    let (missing, _) = DraftBucket::pair(bucket("no-such-bucket"), bucket("files")).expect("they differ");
    let failed = world.storage.probe(&missing, &key(".probe")).await;
    assert_eq!(failed.expect_err("missing").kind, ErrorKind::BucketNotFound);
}

/// Returns `true` if a request carries a condition, by its head in lower case. A batch of deletes has them in its body.
fn is_conditional(head: &str) -> bool {
    let headers = ["\r\nif-match:", "\r\nif-none-match:", "\r\nx-amz-copy-source-if-match:"];
    headers.iter().any(|header| head.contains(header)) || head.starts_with("post /files-draft/?delete ")
}

/// A store that answers so to every conditional request.
async fn answering(world: &TestBuckets, answer: String) -> S3Storage {
    let answers = move |head: &str| is_conditional(head).then(|| answer.clone());
    gate::through(world, Arc::new(answers)).await
}

/// Batches do not work at all, because an answer to all of them stands for one to their conditions.
fn all_refused() -> Capabilities {
    let refuse = |found: Capabilities, condition| found.with(condition, Support::Refused);
    let refused = Condition::ALL.into_iter().fold(Capabilities::NONE, refuse);
    refused
        .with(Condition::DeleteMany, Support::Failed)
        .with(Condition::PartSourceKey, Support::Honoured)
        .with(Condition::CopyMd5, Support::Honoured)
        .with(Condition::ListParts, Support::Honoured)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_no_conditional_call_refuses_conditions() {
    let world = TestBuckets::embedded().await;
    let refusals = [
        error("501 Not Implemented", "NotImplemented"),
        error("400 Bad Request", "InvalidArgument"),
        error("412 Precondition Failed", "PreconditionFailed"),
        error("404 Not Found", "NoSuchKey"),
        error("200 OK", "NotImplemented"),
    ];
    for refusal in refusals {
        let storage = answering(&world, refusal.clone()).await;
        assert_eq!(
            probe(&storage, &world).await.expect("found out"),
            all_refused(),
            "{refusal}"
        );
        assert_eq!(world.draft_keys().await, Vec::<String>::new());
        assert_eq!(world.uploads().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_only_says_it_did_is_not_believed() {
    let world = TestBuckets::embedded().await;
    let storage = answering(&world, answer("200 OK", "")).await;
    assert_eq!(probe(&storage, &world).await.expect("found out"), all_refused());
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_says_nothing_about_conditions() {
    let world = TestBuckets::embedded().await;
    let troubles = [
        (error("403 Forbidden", "AccessDenied"), ErrorKind::CredentialsRefused),
        (error("404 Not Found", "NoSuchBucket"), ErrorKind::BucketNotFound),
        (error("503 Slow Down", "SlowDown"), ErrorKind::Unavailable),
        (
            answer("502 Bad Gateway", "<html>a proxy's page</html>"),
            ErrorKind::Unavailable,
        ),
    ];
    for (trouble, kind) in troubles {
        let storage = answering(&world, trouble.clone()).await;
        let failed = probe(&storage, &world).await.expect_err("not found out");
        assert_eq!(failed.kind, kind, "{trouble}");
        assert_eq!(world.draft_keys().await, Vec::<String>::new());
        assert_eq!(world.uploads().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_says_of_a_key_counts_as_well() {
    let world = TestBuckets::embedded().await;
    for (code, kind) in [
        ("AccessDenied", ErrorKind::CredentialsRefused),
        ("InternalError", ErrorKind::Unavailable),
    ] {
        let said = format!("<DeleteResult><Error><Key>k</Key><Code>{code}</Code></Error></DeleteResult>");
        let answers = move |head: &str| head.contains("?delete ").then(|| answer("200 OK", &said));
        let storage = gate::through(&world, Arc::new(answers)).await;
        let failed = probe(&storage, &world).await.expect_err("not found out");
        assert_eq!(failed.kind, kind, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_condition_goes_with_no_call_from_then_on() {
    let world = TestBuckets::embedded().await;
    let refusal = error("501 Not Implemented", "NotImplemented");
    // The batch's conditions are in its body, which the gate does not look into.
    let answers = move |head: &str| {
        let refused = is_conditional(head) && !head.contains("?delete ");
        refused.then(|| refusal.clone())
    };
    let storage = gate::through(&world, Arc::new(answers)).await;
    let draft = world.draft("draft", "bytes").await;
    assert_eq!(
        all_calls(&storage, &world, &draft).await,
        [Err(ErrorKind::Unsupported); 7]
    );
    assert!(signs_write_once(&storage, &world).await);

    let found = probe(&storage, &world).await.expect("found out");
    assert_eq!(found, all_refused().with(Condition::DeleteMany, Support::Honoured));
    assert_eq!(all_calls(&storage, &world, &draft).await, [Ok(()); 7]);
    assert!(!signs_write_once(&storage, &world).await);
    assert_eq!(world.draft_bytes(&draft.key).await, None, "deleted in the end");
}

/// Returns the results of all calls that carry conditions, none of which holds.
async fn all_calls(storage: &S3Storage, world: &TestBuckets, draft: &DraftVersion) -> [Result<(), ErrorKind>; 7] {
    let (main_key, other) = (key("kept"), etag("00000000000000000000000000000000"));
    let over = IfDestination::Matches(&other);
    let attributes = Attributes::default();
    let copy = |if_destination| CopyToMain {
        draft_bucket: &world.draft,
        draft_key: &draft.key,
        draft_etag: &other,
        main_bucket: &world.main,
        main_key: &main_key,
        if_destination,
        attributes: &attributes,
    };
    let stage = StageCopy {
        draft_bucket: &world.draft,
        draft_key: &draft.key,
        draft_etag: &other,
        size: 5,
        main_bucket: &world.main,
        main_key: &main_key,
        attributes: &attributes,
    };
    let staged = [(); 2].map(|()| world.stage(draft, 5, &main_key));
    let [first, second] = futures::future::join_all(staged).await.try_into().expect("two");
    let (first, second) = (first.expect("staged"), second.expect("staged"));
    let version = DraftVersion {
        key: draft.key.clone(),
        etag: other.clone(),
    };
    let kind = |error: Error| error.kind;
    [
        storage
            .copy_to_main(&copy(IfDestination::Absent))
            .await
            .map(drop)
            .map_err(kind),
        storage.copy_to_main(&copy(over)).await.map(drop).map_err(kind),
        storage.stage_copy(&stage).await.map(drop).map_err(kind),
        storage
            .complete_copy(&world.main, &main_key, &first, IfDestination::Absent)
            .await
            .map(drop)
            .map_err(kind),
        storage
            .complete_copy(&world.main, &main_key, &second, over)
            .await
            .map(drop)
            .map_err(kind),
        parts::completed_onto_a_draft(storage, world).await.map_err(kind),
        storage.delete_draft(&world.draft, &version).await.map_err(kind),
    ]
}

async fn signs_write_once(storage: &S3Storage, world: &TestBuckets) -> bool {
    let key = key("once");
    let put = PresignPut {
        write_once: true,
        ..world.put(&key)
    };
    let signed = storage.presign_put(&put).await.expect("signed");
    signed.headers.contains_key("if-none-match")
}
