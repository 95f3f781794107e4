//! Deletes hit the version that was meant, one by one and a thousand at once.

use draftstore_storage::{DeleteFailure, DraftBucket, DraftVersion, ErrorKind, ListObjects};

use crate::lists::fill;
use draftstore_testing::{TestBuckets, bucket, etag, key};

fn missing_bucket() -> DraftBucket {
    DraftBucket::pair(bucket("no-such-bucket"), bucket("files"))
        .expect("they differ")
        .0
}

pub(crate) async fn a_delete_removes_the_version_given(world: &TestBuckets) {
    let draft = world.draft("one", "bytes").await;
    world.storage.delete_draft(&world.draft, &draft).await.expect("deleted");
    assert_eq!(world.draft_bytes(&draft.key).await, None);
    world
        .storage
        .delete_draft(&world.draft, &draft)
        .await
        .expect("what is gone is no error");
}

pub(crate) async fn a_delete_of_another_version_is_refused(world: &TestBuckets) {
    let before = world.draft("one", "before").await;
    world.upload(&before.key, "after").await;
    let refused = world
        .storage
        .delete_draft(&world.draft, &before)
        .await
        .expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::PreconditionFailed);
    assert_eq!(world.draft_bytes(&before.key).await.as_deref(), Some(&b"after"[..]));
}

/// Garage's lack.
pub(crate) async fn a_delete_removes_any_version(world: &TestBuckets) {
    let before = world.draft("one", "before").await;
    world.upload(&before.key, "after").await;
    world
        .storage
        .delete_draft(&world.draft, &before)
        .await
        .expect("deleted");
    assert_eq!(world.draft_bytes(&before.key).await, None);
}

/// A thousand drafts, with the version of one of them wrong.
async fn thousand(world: &TestBuckets) -> Vec<DraftVersion> {
    fill(world, (0..1000).map(|n| format!("{n:04}"))).await;
    let page = world
        .storage
        .list(world.draft.name(), &ListObjects::default())
        .await
        .expect("a page");
    let mut drafts: Vec<_> = page
        .objects
        .into_iter()
        .map(|object| DraftVersion {
            key: object.key,
            etag: object.etag,
        })
        .collect();
    assert_eq!(drafts.len(), 1000);
    drafts[500].etag = etag("00000000000000000000000000000000");
    drafts
}

pub(crate) async fn a_batch_removes_a_thousand_and_names_those_of_another_version(world: &TestBuckets) {
    let drafts = thousand(world).await;
    let failures = world
        .storage
        .delete_drafts(&world.draft, &drafts)
        .await
        .expect("an answer");
    let expected = DeleteFailure {
        key: drafts[500].key.clone(),
        kind: ErrorKind::PreconditionFailed,
        code: "PreconditionFailed".to_owned(),
    };
    assert_eq!(failures, [expected]);
    let left = world
        .storage
        .list(world.draft.name(), &ListObjects::default())
        .await
        .expect("a page")
        .objects;
    assert_eq!(
        left.into_iter().map(|object| object.key).collect::<Vec<_>>(),
        [drafts[500].key.clone()]
    );
}

/// Garage's lack.
pub(crate) async fn a_batch_removes_a_thousand_of_any_version(world: &TestBuckets) {
    let drafts = thousand(world).await;
    assert_eq!(
        world
            .storage
            .delete_drafts(&world.draft, &drafts)
            .await
            .expect("an answer"),
        []
    );
    let left = world
        .storage
        .list(world.draft.name(), &ListObjects::default())
        .await
        .expect("a page")
        .objects;
    assert_eq!(left, []);
}

pub(crate) async fn a_batch_counts_what_is_gone_as_deleted(world: &TestBuckets) {
    let there = world.draft("there", "bytes").await;
    let gone = DraftVersion {
        key: key("gone"),
        etag: there.etag.clone(),
    };
    let failures = world
        .storage
        .delete_drafts(&world.draft, &[gone, there.clone()])
        .await
        .expect("an answer");
    assert_eq!(failures, []);
    assert_eq!(world.draft_bytes(&there.key).await, None);
}

pub(crate) async fn a_batch_is_of_a_thousand_at_most_and_may_be_empty(world: &TestBuckets) {
    assert_eq!(
        world
            .storage
            .delete_drafts(&world.draft, &[])
            .await
            .expect("nothing to do"),
        []
    );
    let draft = world.draft("one", "bytes").await;
    let many = vec![draft.clone(); 1001];
    let refused = world
        .storage
        .delete_drafts(&world.draft, &many)
        .await
        .expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::TooLarge);
    assert!(world.draft_bytes(&draft.key).await.is_some());
}

pub(crate) async fn deletes_in_a_missing_bucket_say_so(world: &TestBuckets) {
    let draft = DraftVersion {
        key: key("one"),
        etag: etag("00000000000000000000000000000000"),
    };
    let missing = missing_bucket();
    let one = world.storage.delete_draft(&missing, &draft).await.expect_err("missing");
    assert_eq!(one.kind, ErrorKind::BucketNotFound);
    let batch = world
        .storage
        .delete_drafts(&missing, &[draft])
        .await
        .expect_err("missing");
    assert_eq!(batch.kind, ErrorKind::BucketNotFound);
}
