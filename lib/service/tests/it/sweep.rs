//! Sweeps: the drafts that they remove and keep, and the brakes.

use draftstore_service::cleaner::{Brake, Brakes, Mode, Stop, Summary};
use draftstore_storage::{ErrorKind, Operation};
use futures::stream::{self, StreamExt as _};

use crate::ground::Ground;
use crate::system::{FAR_AHEAD, LONG_AGO, System, expire, state, unique};

promises! {
    draft_uploaded_again_during_the_sweep_is_kept: strong, garage => draft_uploaded_again_between_check_and_delete_is_swept, seaweedfs;
    failed_deletes_are_counted_and_repeated_by_the_next_sweep: strong, weak, garage, seaweedfs;
    sweep_does_not_call_main: strong, weak, garage, seaweedfs;
    sweep_that_cannot_list_reports_its_progress: strong, weak, garage, seaweedfs;
    unique_draft_is_swept_at_the_time_in_its_id: strong, weak, garage, seaweedfs;
    shard_is_listed_only_up_to_the_first_live_draft: strong, weak, garage, seaweedfs;
    sweep_stops_at_max_delete: strong, weak, garage, seaweedfs;
    sweep_removes_no_more_than_max_delete_fraction: strong, weak, garage, seaweedfs;
}

/// Waits until a number of drafts with a lifetime of one second have expired, and sweeps them.
async fn sweep(system: &System, expired: u64) -> Summary {
    sweep_with(system, expired, Brakes::default()).await
}

async fn sweep_with(system: &System, expired: u64, brakes: Brakes) -> Summary {
    expire(&system.cleaner(1), expired).await;
    let cleaner = system.cleaner_with(1, brakes);
    cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept")
}

async fn draft_uploaded_again_during_the_sweep_is_kept(ground: &Ground) {
    let (system, summary) = sweep_and_upload_before_the_delete(ground).await;
    assert_eq!((summary.deleted, summary.failed, summary.bytes), (1, 0, 3));
    assert_eq!(system.state("a").await, state(Some("new"), None));
}

/// Garage ignores conditions on deletes. An upload before the check is noticed.
async fn draft_uploaded_again_between_check_and_delete_is_swept(ground: &Ground) {
    let (system, summary) = sweep_and_upload_before_the_delete(ground).await;
    assert_eq!((summary.deleted, summary.failed, summary.bytes), (2, 0, 6));
    assert_eq!(system.state("a").await, state(None, None));
}

async fn sweep_and_upload_before_the_delete(ground: &Ground) -> (System, Summary) {
    let system = ground.system().await;
    system.world.draft("a", "old").await;
    system.world.draft("b", "old").await;
    system.store.before(system.sweeping(), {
        let again = system.upload_again("a", "new");
        move || again
    });
    let summary = sweep(&system, 2).await;
    assert_eq!(system.state("b").await, state(None, None));
    (system, summary)
}

async fn failed_deletes_are_counted_and_repeated_by_the_next_sweep(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "old").await;
    system.world.begin_upload("b").await;
    system.store.fail(system.sweeping(), ErrorKind::Unavailable);
    system
        .store
        .fail(Operation::AbortMultipartUpload, ErrorKind::Unavailable);
    let summary = sweep(&system, 2).await;
    assert_eq!((summary.expired, summary.deleted, summary.failed), (2, 0, 2));
    let summary = sweep(&system, 2).await;
    assert_eq!((summary.expired, summary.deleted, summary.failed), (2, 2, 0));
    assert_eq!(
        (system.world.draft_keys().await.len(), system.world.uploads().await),
        (0, 0)
    );
}

async fn sweep_does_not_call_main(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("kept", "bytes").await;
    system.confirm("kept").await.expect("confirmed");
    system.world.draft("left", "bytes").await;
    let before = system.store.calls().len();
    sweep(&system, 1).await;
    let main = system.world.main.name();
    assert!(system.store.calls()[before..].iter().all(|(_, bucket)| bucket != main));
    assert_eq!(system.state("kept").await, state(None, Some("bytes")));
}

async fn sweep_that_cannot_list_reports_its_progress(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    system
        .store
        .fail(Operation::ListMultipartUploads, ErrorKind::Unavailable);
    let stopped = system
        .cleaner(3600)
        .sweep(Mode::Delete, &mut |_| {})
        .await
        .expect_err("stopped");
    assert_eq!((stopped.summary.scanned, stopped.summary.deleted), (1, 0));
    assert!(matches!(stopped.source, Stop::Store(error) if error.kind == ErrorKind::Unavailable));
}

async fn unique_draft_is_swept_at_the_time_in_its_id(ground: &Ground) {
    let system = ground.system().await;
    let (ended, lives) = (unique(LONG_AGO, 1).1, unique(FAR_AHEAD, 2).1);
    system.world.draft(&ended, "bytes").await;
    system.world.draft(&lives, "bytes").await;
    system.world.draft("named", "bytes").await;
    let summary = system
        .cleaner(3600)
        .sweep(Mode::Delete, &mut |_| {})
        .await
        .expect("swept");
    assert_eq!(
        (summary.scanned, summary.deleted),
        (3, 1),
        "expired by its ID, although it is new"
    );
    sweep(&system, 1).await;
    assert_eq!(
        system.world.draft_keys().await,
        [lives],
        "not expired by its ID, although it is old"
    );
}

async fn shard_is_listed_only_up_to_the_first_live_draft(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft(&unique(LONG_AGO, 1).1, "bytes").await;
    let uploads = stream::iter(0..1_100).map(|n| {
        let world = &system.world;
        async move { world.draft(&unique(FAR_AHEAD, n).1, "bytes").await }
    });
    uploads.buffer_unordered(16).for_each(async |_| {}).await;
    for name in [" before", "after"] {
        system.world.draft(name, "bytes").await;
    }
    let before = system.store.calls().len();
    let summary = system
        .cleaner(3600)
        .sweep(Mode::Delete, &mut |_| {})
        .await
        .expect("swept");
    assert_eq!((summary.deleted, summary.scanned), (1, 1_000 + 2));
    let calls = system.store.calls();
    let lists = calls[before..]
        .iter()
        .filter(|(call, _)| *call == Operation::ListObjectsV2)
        .count();
    assert_eq!(
        lists,
        1 + 16 + 2,
        "a page of the shard, one for each lane through the others, and named drafts before and after"
    );
}

async fn sweep_stops_at_max_delete(ground: &Ground) {
    let system = ground.system().await;
    for name in ["a", "b", "c"] {
        system.world.draft(name, "bytes").await;
    }
    system.world.begin_upload("d").await;
    let at_most = |max_delete| Brakes {
        max_delete: Some(max_delete),
        ..Brakes::default()
    };
    for (max_delete, deleted, brake, drafts, uploads) in [
        (0, 0, Some(Brake::MaxDelete), 3, 1),
        (2, 2, Some(Brake::MaxDelete), 1, 1),
        (1, 1, Some(Brake::MaxDelete), 0, 1),
        (1, 1, None, 0, 0),
        (0, 0, None, 0, 0),
    ] {
        let swept = sweep_with(&system, drafts + uploads, at_most(max_delete)).await;
        assert_eq!((swept.deleted, swept.brake), (deleted, brake));
        let left = (system.world.draft_keys().await.len(), system.world.uploads().await);
        assert_eq!((left.0 as u64, left.1 as u64), (drafts, uploads));
    }
}

async fn sweep_removes_no_more_than_max_delete_fraction(ground: &Ground) {
    let system = ground.system().await;
    for name in ["a", "b"] {
        system.world.draft(name, "bytes").await;
    }
    system.world.begin_upload("c").await;
    let lives = unique(FAR_AHEAD, 1).1;
    system.world.draft(&lives, "bytes").await;
    let at_most = |fraction: &str| Brakes {
        max_delete_fraction: Some(fraction.parse().expect("a fraction")),
        ..Brakes::default()
    };
    let swept = sweep_with(&system, 3, at_most("0.74")).await;
    assert_eq!((swept.deleted, swept.brake), (2, Some(Brake::MaxDeleteFraction)));

    let swept = sweep_with(&system, 1, at_most("0.75")).await;
    assert_eq!((swept.scanned, swept.deleted, swept.brake), (2, 1, None));
    assert_eq!(system.world.draft_keys().await, [lives]);
    let swept = sweep_with(&system, 0, at_most("0")).await;
    assert_eq!(
        (swept.deleted, swept.brake),
        (0, None),
        "no expired drafts do not trip the brake"
    );
}
