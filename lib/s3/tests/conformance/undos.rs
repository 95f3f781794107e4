//! A copy can be taken back, and nothing else in main can.

use draftstore_storage::{ErrorKind, IfDestination};

use draftstore_testing::{TestBuckets, etag, key};

pub(crate) async fn a_copy_is_undone_once_and_that_is_enough(world: &TestBuckets) {
    let (draft, main_key) = (world.draft("one", "bytes").await, key("target"));
    let copied = world
        .copy(&draft, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    for _ in 0..2 {
        let undone = world.storage.undo_copy(&world.main, &main_key, &copied).await;
        undone.expect("what is gone is no error");
        assert_eq!(world.main_bytes(&main_key).await, None);
    }
    assert!(world.draft_bytes(&draft.key).await.is_some(), "the draft is left");
}

pub(crate) async fn another_version_is_not_undone(world: &TestBuckets) {
    let (draft, main_key) = (world.draft("one", "bytes").await, key("target"));
    world
        .copy(&draft, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    let other = etag("00000000000000000000000000000000");
    let refused = world.storage.undo_copy(&world.main, &main_key, &other).await;
    assert_eq!(refused.expect_err("refused").kind, ErrorKind::PreconditionFailed);
    assert_eq!(world.main_bytes(&main_key).await.as_deref(), Some(&b"bytes"[..]));
}

/// Garage's lack.
pub(crate) async fn any_version_is_undone(world: &TestBuckets) {
    let (draft, main_key) = (world.draft("one", "bytes").await, key("target"));
    world
        .copy(&draft, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    let other = etag("00000000000000000000000000000000");
    let undone = world.storage.undo_copy(&world.main, &main_key, &other).await;
    undone.expect("undone");
    assert_eq!(world.main_bytes(&main_key).await, None);
}
