use std::time::Instant;

use draftstore_service::cleaner::{Mode, Summary};
use draftstore_storage::{ErrorKind, Operation};

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
    assert_eq!(stopped.source.kind, ErrorKind::Unavailable);
}
