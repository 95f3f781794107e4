//! The deletes of drafts after their confirms were answered.

use std::sync::Arc;

use draftstore_service::Error;
use draftstore_service::cleaner::Mode;
use draftstore_service::draft::{
    ConfirmBatch, ConfirmLimits, ConfirmUpload, Confirmed, IssueDownload, RemovalBounds, Stage,
};
use futures::future::join_all;
use tokio::sync::oneshot;

use crate::ground::Ground;
use crate::system::{System, expire, state};

promises! {
    answer_does_not_wait_for_the_delete: strong, singly;
    every_repeat_is_answered_alike_before_and_after_the_delete: strong, singly;
    draft_uploaded_after_the_answer_is_kept: strong, singly;
    download_without_a_stage_reads_main_from_the_answer_on: strong, singly;
    drain_waits_for_the_deletes: strong, singly;
    full_queue_neither_blocks_nor_loses_confirms: strong, singly;
}

/// A held delete of confirmed drafts.
struct Held {
    arrived: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl System {
    /// Holds the next delete of confirmed drafts before it reaches the store.
    fn hold_delete(&self) -> Held {
        let (begun, arrived) = oneshot::channel();
        let (release, go_on) = oneshot::channel::<()>();
        self.store.before(self.deleting(), move || async move {
            begun.send(()).expect("the test waits");
            go_on.await.expect("the test goes on");
        });
        Held { arrived, release }
    }

    async fn confirm_each(&self, names: &[String]) -> Vec<Result<Confirmed, Error>> {
        join_all(names.iter().map(|name| self.confirm(name))).await
    }

    fn deletes(&self) -> usize {
        let calls = self.store.calls().into_iter();
        calls.filter(|(call, _)| *call == self.deleting()).count()
    }
}

async fn answer_does_not_wait_for_the_delete(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    let held = system.hold_delete();
    assert!(!system.confirm("a").await.expect("confirmed").replayed);
    held.arrived.await.expect("the draft is deleted afterwards");
    held.release.send(()).expect("it waits");
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
}

async fn every_repeat_is_answered_alike_before_and_after_the_delete(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    let held = system.hold_delete();
    let first = system.confirm("a").await.expect("confirmed");
    for _ in 0..3 {
        let again = system.confirm("a").await.expect("the draft is still there");
        assert_eq!((&again.etag, again.replayed), (&first.etag, true));
    }
    held.arrived.await.expect("the draft is deleted afterwards");
    let (_, during) = tokio::join!(async { held.release.send(()) }, system.confirm("a"));
    assert!(during.expect("the draft is being deleted").replayed);
    system.drafts.drain().await;
    assert!(system.confirm("a").await.expect("the draft is gone").replayed);
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
}

async fn draft_uploaded_after_the_answer_is_kept(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "old").await;
    let held = system.hold_delete();
    system.confirm("a").await.expect("confirmed");
    held.arrived.await.expect("the draft is deleted afterwards");
    system.world.draft("a", "new").await;
    held.release.send(()).expect("it waits");
    assert_eq!(system.state("a").await, state(Some("new"), Some("old")));
}

/// A URL of the draft would fail as soon as the draft is deleted.
async fn download_without_a_stage_reads_main_from_the_answer_on(ground: &Ground) {
    let system = ground.system().await;
    for atomic in [false, true] {
        let name = format!("a{atomic}");
        let upload = ConfirmUpload {
            object_name: name.clone(),
            ..ConfirmUpload::default()
        };
        let stage = async || {
            let download = IssueDownload {
                object_name: name.clone(),
                ..IssueDownload::default()
            };
            system.drafts.issue_download(&download).await.expect("issued").stage
        };
        system.world.draft(&name, "old").await;
        assert_eq!(stage().await, Stage::Draft, "it is not confirmed");
        let held = system.hold_delete();
        let batch = ConfirmBatch {
            uploads: vec![upload],
            atomic,
        };
        let outcomes = system.drafts.confirm_batch(batch).await.expect("a batch");
        assert!(outcomes[0].is_ok(), "{outcomes:?}");
        assert_eq!(stage().await, Stage::Main, "the draft is about to be deleted");
        held.arrived.await.expect("the draft is deleted afterwards");
        system.world.draft(&name, "new").await;
        assert_eq!(stage().await, Stage::Draft, "another version");
        held.release.send(()).expect("it waits");
        system.drafts.drain().await;
        assert_eq!(stage().await, Stage::Draft);
    }
}

async fn drain_waits_for_the_deletes(ground: &Ground) {
    let system = ground.system().await;
    let names: Vec<_> = (0..20).map(|n| format!("a{n}")).collect();
    for name in &names {
        system.world.draft(name, "bytes").await;
    }
    assert!(system.confirm_each(&names).await.iter().all(Result::is_ok));
    system.drafts.drain().await;
    assert_eq!(system.world.draft_keys().await, [""; 0]);
}

#[tokio::test]
async fn drafts_of_many_confirms_are_deleted_in_one_call() {
    let system = System::start().await;
    let names: Vec<_> = (0..20).map(|n| format!("a{n}")).collect();
    for name in &names {
        system.world.draft(name, "bytes").await;
    }
    let held = system.hold_delete();
    system.confirm("a0").await.expect("confirmed");
    held.arrived.await.expect("its draft is deleted");
    assert!(system.confirm_each(&names[1..]).await.iter().all(Result::is_ok));
    held.release.send(()).expect("it waits");
    system.drafts.drain().await;
    assert_eq!(system.world.draft_keys().await, [""; 0]);
    assert_eq!(system.deletes(), 2, "one call for the first, one for all others");
}

async fn full_queue_neither_blocks_nor_loses_confirms(ground: &Ground) {
    let removals = RemovalBounds { drafts: 3, batch: 2 };
    let limits = ConfirmLimits {
        removals,
        ..ConfirmLimits::default()
    };
    let system = Arc::new(ground.system().await.limited(limits));
    let names: Vec<_> = (0..8).map(|n| format!("a{n}")).collect();
    for name in &names {
        system.world.draft(name, "bytes").await;
    }
    let held = system.hold_delete();
    system.confirm("a0").await.expect("confirmed");
    held.arrived.await.expect("its draft is deleted");
    for confirmed in system.confirm_each(&names[1..]).await {
        assert!(!confirmed.expect("confirmed").replayed);
    }
    held.release.send(()).expect("it waits");
    system.drafts.drain().await;
    assert_eq!(system.world.draft_keys().await.len(), 5, "three had a place");
    for name in &names {
        assert_eq!(system.state(name).await.1.as_deref(), Some("bytes"));
    }

    expire(&system.cleaner(1), 5).await;
    let swept = system.cleaner(1).sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.deleted, swept.failed), (5, 0));
}
