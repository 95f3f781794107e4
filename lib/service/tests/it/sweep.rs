use std::time::Instant;

use draftstore_service::cleaner::{Mode, Stop, Summary};
use draftstore_storage::{ErrorKind, Operation};
use futures::stream::{self, StreamExt as _};

use crate::system::{System, state};

/// Sweeps what lives for a second, until this many drafts have expired at once; a dry run tells when.
async fn sweep(system: &System, expired: u64) -> Summary {
    let cleaner = system.cleaner(1);
    let begun = Instant::now();
    while cleaner.sweep(Mode::DryRun, &mut |_| {}).await.expect("listed").expired < expired {
        assert!(begun.elapsed().as_secs() < 20, "nothing has expired");
    }
    cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept")
}

#[tokio::test]
async fn draft_uploaded_again_during_the_sweep_stays() {
    let system = System::start().await;
    system.world.draft("a", "old").await;
    system.world.draft("b", "old").await;
    system.store.before(Operation::DeleteObjects, {
        let again = system.upload_again("a", "new");
        move || again
    });
    let summary = sweep(&system, 2).await;
    assert_eq!((summary.deleted, summary.failed, summary.bytes), (1, 0, 3));
    assert_eq!(system.state("a").await, state(Some("new"), None));
    assert_eq!(system.state("b").await, state(None, None));
}

#[tokio::test]
async fn what_could_not_be_deleted_is_counted_and_goes_with_the_next_sweep() {
    let system = System::start().await;
    system.world.draft("a", "old").await;
    system.world.begin_upload("b").await;
    system.store.fail(Operation::DeleteObjects, ErrorKind::Unavailable);
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

#[tokio::test]
async fn sweep_asks_nothing_of_main() {
    let system = System::start().await;
    system.world.draft("kept", "bytes").await;
    system.confirm("kept").await.expect("confirmed");
    system.world.draft("left", "bytes").await;
    let before = system.store.calls().len();
    sweep(&system, 1).await;
    let main = system.world.main.name();
    assert!(system.store.calls()[before..].iter().all(|(_, bucket)| bucket != main));
    assert_eq!(system.state("kept").await, state(None, Some("bytes")));
}

#[tokio::test]
async fn sweep_that_cannot_list_says_how_far_it_got() {
    let system = System::start().await;
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

/// A draft's key as the service would give it, with the moment of expiry in seconds from the epoch.
pub(crate) fn unique_key(expires_at: u64, n: u128) -> String {
    let id = ulid::Ulid::from_parts(expires_at * 1000, n << 8);
    format!(".drafts/00/{id}/file.jpg")
}

pub(crate) const LONG_AGO: u64 = 1_600_000_000;
const FAR_AHEAD: u64 = 4_000_000_000;

#[tokio::test]
async fn unique_draft_lives_as_long_as_its_id_says() {
    let system = System::start().await;
    let (ended, lives) = (unique_key(LONG_AGO, 1), unique_key(FAR_AHEAD, 2));
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
        "old by its ID, however fresh"
    );
    sweep(&system, 1).await;
    assert_eq!(system.world.draft_keys().await, [lives], "alive by its ID, however old");
}

#[tokio::test]
async fn shard_is_read_only_up_to_the_first_draft_that_lives() {
    let system = System::start().await;
    system.world.draft(&unique_key(LONG_AGO, 1), "bytes").await;
    let uploads = stream::iter(0..1_100).map(|n| {
        let world = &system.world;
        async move { world.draft(&unique_key(FAR_AHEAD, n), "bytes").await }
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
        .filter(|(call, _)| *call == Operation::ListObjects)
        .count();
    assert_eq!(
        lists,
        1 + 256 + 2,
        "a look, a page of each shard, and named drafts before and after"
    );
}
