//! An object over what one copy carries, at its true size and with the settings that ship.

use draftstore_storage::{Attributes, ErrorKind, IfDestination, StageCopy};

use draftstore_testing::{LARGE, TestBuckets, assert_large_copy, key, large_draft};

#[tokio::test(flavor = "multi_thread")]
async fn six_gib_are_copied_in_parts() {
    let world = TestBuckets::embedded().await;
    let draft = large_draft(&world, "film").await;
    let main_key = key("film.mp4");
    let too_large = world.copy(&draft, &main_key, IfDestination::Absent).await;
    assert_eq!(too_large.expect_err("in one").kind, ErrorKind::TooLarge);

    let copy = StageCopy {
        draft_bucket: &world.draft,
        draft_key: &draft.key,
        draft_etag: &draft.etag,
        size: LARGE,
        main_bucket: &world.main,
        main_key: &main_key,
        attributes: &Attributes::default(),
    };
    let staged = world.storage.stage_copy(&copy).await.expect("staged");
    assert_eq!(staged.parts.len(), 12);
    let completed = world.complete(&main_key, &staged, IfDestination::Absent).await;
    let info = world.storage.head(world.main.name(), &main_key).await;
    let info = info.expect("it is there");
    assert_eq!((info.etag, info.size), (completed.expect("completed"), LARGE));
    assert_large_copy(&world, "film", "film.mp4").await;
}
