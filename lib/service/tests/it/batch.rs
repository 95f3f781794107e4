//! Atomic batches, which confirm all drafts or none, with faults and concurrent changes between their calls.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::Error;
use draftstore_service::draft::{ConfirmBatch, ConfirmUpload, Confirmed, DEFAULT_CONFIRM_TIMEOUT};
use draftstore_storage::{ErrorKind, IfDestination, Operation};
use draftstore_testing::key;

use crate::ground::Ground;
use crate::system::{System, state};

/// A duration after which every batch has ended, including its rollback.
const BATCH_TIME: Duration = DEFAULT_CONFIRM_TIMEOUT.saturating_add(Duration::from_secs(30));

promises! {
    batch_is_confirmed_and_a_repeat_is_replayed: strong, weak, garage, seaweedfs;
    batch_with_a_failed_copy_changes_nothing: strong, garage, seaweedfs;
    batch_with_a_missing_draft_copies_nothing: strong, weak, garage, seaweedfs;
    copy_that_could_not_be_read_back_is_rolled_back: strong, garage, seaweedfs;
    object_that_replaced_a_copy_before_the_rollback_is_kept: strong, garage, seaweedfs;
    object_that_replaced_a_copy_before_its_delete_is_kept: strong, garage => object_that_replaced_a_copy_between_check_and_delete_is_lost, seaweedfs;
    copy_of_another_confirm_is_not_rolled_back: strong, garage, seaweedfs;
    object_of_an_unsettled_batch_is_neither_reported_nor_replaced: strong, garage, seaweedfs;
    failed_rollback_is_reported_and_a_repeat_completes_the_batch: strong, garage, seaweedfs;
    unsettled_batch_is_completed_by_a_repeat: strong, garage, seaweedfs;
    batch_that_fails_after_its_deadline_rolls_nothing_back: strong, garage, seaweedfs;
    rollback_does_not_need_the_draft: strong, garage, seaweedfs;
    crash_after_any_call_is_completed_by_a_repeat_of_the_batch: strong, weak, garage, seaweedfs;
}

impl System {
    pub(crate) async fn confirm_all(&self, names: &[&str]) -> Vec<Result<Confirmed, Error>> {
        let upload = |name: &&str| ConfirmUpload {
            object_name: (*name).to_owned(),
            ..ConfirmUpload::default()
        };
        let batch = ConfirmBatch {
            uploads: names.iter().map(upload).collect(),
            atomic: true,
        };
        self.drafts.confirm_batch(batch).await.expect("a batch")
    }

    async fn with_drafts(ground: &Ground, names: &[&str]) -> Self {
        let system = ground.system().await;
        for name in names {
            system.world.draft(name, "bytes").await;
        }
        system
    }

    async fn assert_all(&self, names: &[&str], draft: Option<&str>, main: Option<&str>) {
        for name in names {
            assert_eq!(self.state(name).await, state(draft, main), "{name}");
        }
    }

    /// Waits until main holds an object under a name.
    async fn wait_for_main(&self, name: &str) {
        while self.world.main_bytes(&key(name)).await.is_none() {
            tokio::task::yield_now().await;
        }
    }

    async fn delete_draft(&self, name: &str) {
        let (draft, key) = (&self.world.draft, key(name));
        let etag = self.world.storage.head(draft.name(), &key).await.expect("there").etag;
        let version = draftstore_storage::DraftVersion { key, etag };
        self.world.storage.delete_draft(draft, &version).await.expect("deleted");
    }

    fn calls_on_main(&self, operation: Operation) -> usize {
        let main = self.world.main.name();
        let calls = self.store.calls().into_iter();
        calls
            .filter(|(call, bucket)| *call == operation && bucket == main)
            .count()
    }
}

fn is_rolled_back(outcome: &Result<Confirmed, Error>) -> bool {
    matches!(outcome, Err(Error::RolledBack))
}

fn is_retryable(outcome: &Result<Confirmed, Error>) -> bool {
    matches!(outcome, Err(Error::StoreUnavailable(_)))
}

async fn batch_is_confirmed_and_a_repeat_is_replayed(ground: &Ground) {
    let system = System::with_drafts(ground, &["a", "b", "c"]).await;
    for replayed in [false, true] {
        for outcome in system.confirm_all(&["a", "b", "c"]).await {
            assert_eq!(outcome.expect("confirmed").replayed, replayed);
        }
        system.assert_all(&["a", "b", "c"], None, Some("bytes")).await;
        let alone = system.confirm("a").await.expect("confirmed again");
        assert!(alone.replayed);
    }
}

async fn batch_with_a_failed_copy_changes_nothing(ground: &Ground) {
    for nth in 0..3 {
        let names = ["a", "b", "c"];
        let system = System::with_drafts(ground, &names).await;
        let other = system.world.draft("other", "theirs").await;
        let absent = IfDestination::Absent;
        system.world.copy(&other, &other.key, absent).await.expect("copied");
        for _ in 0..nth {
            system.store.before(Operation::CopyObject, async || {});
        }
        system.store.fail(Operation::CopyObject, ErrorKind::CredentialsRefused);
        for (place, outcome) in system.confirm_all(&names).await.iter().enumerate() {
            if place == nth {
                assert!(matches!(outcome, Err(Error::StoreCredentials(_))), "{outcome:?}");
            } else {
                assert!(is_rolled_back(outcome), "{outcome:?}");
            }
        }
        system.assert_all(&names, Some("bytes"), None).await;
        assert_eq!(system.state("other").await, state(Some("theirs"), Some("theirs")));
        assert_eq!(
            (
                system.calls_on_main(Operation::CopyObject),
                system.calls_on_main(Operation::DeleteObject)
            ),
            (3, 2),
            "the copy was rolled back"
        );
        assert!(
            system.confirm_all(&names).await.iter().all(Result::is_ok),
            "a repeat succeeds"
        );
    }
}

async fn batch_with_a_missing_draft_copies_nothing(ground: &Ground) {
    let system = System::with_drafts(ground, &["a", "b"]).await;
    let outcomes = system.confirm_all(&["a", "missing", "b"]).await;
    assert!(
        is_rolled_back(&outcomes[0]) && is_rolled_back(&outcomes[2]),
        "{outcomes:?}"
    );
    assert!(matches!(outcomes[1], Err(Error::NotFound(_))), "{outcomes:?}");
    assert_eq!(system.copies(), 0);
    system.assert_all(&["a", "b"], Some("bytes"), None).await;
}

/// The check of main after the copy fails, both with and without the response to the copy. The copy exists in both
/// cases.
async fn copy_that_could_not_be_read_back_is_rolled_back(ground: &Ground) {
    for lost in [false, true] {
        let system = System::with_drafts(ground, &["a"]).await;
        if lost {
            system.store.lose_the_answer(Operation::CopyObject);
        }
        for _look in ["draft", "main"] {
            system.store.before(Operation::HeadObject, async || {});
        }
        system.store.fail(Operation::HeadObject, ErrorKind::CredentialsRefused);
        let outcomes = system.confirm_all(&["a"]).await;
        assert!(matches!(outcomes[0], Err(Error::StoreCredentials(_))), "{outcomes:?}");
        system.assert_all(&["a"], Some("bytes"), None).await;
    }
}

async fn object_that_replaced_a_copy_before_the_rollback_is_kept(ground: &Ground) {
    let system = fail_a_batch_and_put_theirs_before(ground, Operation::HeadObject).await;
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("theirs")));
    assert_eq!(system.calls_on_main(Operation::DeleteObject), 0);
}

async fn object_that_replaced_a_copy_before_its_delete_is_kept(ground: &Ground) {
    let system = fail_a_batch_and_put_theirs_before(ground, Operation::DeleteObject).await;
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("theirs")));
    assert_eq!(system.calls_on_main(Operation::DeleteObject), 1);
}

/// Garage ignores conditions on deletes.
async fn object_that_replaced_a_copy_between_check_and_delete_is_lost(ground: &Ground) {
    let system = fail_a_batch_and_put_theirs_before(ground, Operation::DeleteObject).await;
    assert_eq!(system.state("a").await, state(Some("bytes"), None));
}

/// Replaces a copy of the batch by another object, before the rollback checks it or before its delete.
async fn fail_a_batch_and_put_theirs_before(ground: &Ground, operation: Operation) -> Arc<System> {
    let system = Arc::new(System::with_drafts(ground, &["a", "b"]).await);
    system.store.before(Operation::CopyObject, async || {});
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            system.wait_for_main("a").await;
            system.delete_draft("b").await;
        }
    });
    if operation == Operation::HeadObject {
        // The checks, then `a` is read back, then `b` after its copy failed: main twice, the draft once.
        for _ in 0..8 {
            system.store.before(operation, async || {});
        }
    }
    system.store.before(operation, {
        let system = Arc::clone(&system);
        move || async move {
            let theirs = system.world.draft("c", "theirs").await;
            let main_key = key("a");
            let main = system.world.storage.head(system.world.main.name(), &main_key);
            let ours = main.await.expect("there").etag;
            let replace = IfDestination::Matches(&ours);
            system.world.copy(&theirs, &main_key, replace).await.expect("copied");
        }
    });
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(is_rolled_back(&outcomes[0]), "{outcomes:?}");
    system
}

/// Another server has copied the same draft and is still running, and the result of the batch's own copy is unknown.
async fn copy_of_another_confirm_is_not_rolled_back(ground: &Ground) {
    let system = Arc::new(System::with_drafts(ground, &["a", "b"]).await);
    system.store.fail(Operation::CopyObject, ErrorKind::Unavailable);
    system.store.fail(Operation::CopyObject, ErrorKind::CredentialsRefused);
    for _look in ["a", "b", "main a", "main b"] {
        system.store.before(Operation::HeadObject, async || {});
    }
    system.store.before(Operation::HeadObject, {
        let system = Arc::clone(&system);
        move || async move {
            let confirm = ConfirmUpload {
                object_name: "a".to_owned(),
                ..ConfirmUpload::default()
            };
            let other = system.other_server();
            other.confirm(&confirm).await.expect("confirmed");
            other.drain().await;
        }
    });
    system.store.fail(system.deleting(), ErrorKind::Unavailable);
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(outcomes[0].as_ref().is_ok_and(|kept| kept.replayed), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(Error::StoreCredentials(_))), "{outcomes:?}");
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("bytes")));
    assert_eq!(system.state("b").await, state(Some("bytes"), None));
}

/// Includes confirms of another server, which does not share the locks.
async fn object_of_an_unsettled_batch_is_neither_reported_nor_replaced(ground: &Ground) {
    for fails in [false, true] {
        let system = Arc::new(System::with_drafts(ground, &["a", "b", "c"]).await);
        system.store.before(Operation::CopyObject, async || {});
        system.store.before(Operation::CopyObject, {
            let system = Arc::clone(&system);
            move || async move {
                system.wait_for_main("a").await;
                let other = system.other_server();
                let confirm = ConfirmUpload {
                    object_name: "a".to_owned(),
                    ..ConfirmUpload::default()
                };
                let alone = other.confirm(&confirm).await;
                assert!(is_retryable(&alone), "{alone:?}");
                let batch = ConfirmBatch {
                    uploads: vec![confirm],
                    atomic: true,
                };
                let together = other.confirm_batch(batch).await.expect("a batch");
                assert!(is_retryable(&together[0]), "{together:?}");
                // The same bytes have the same ETag, which a rollback would delete.
                let over = ConfirmUpload {
                    object_name: "c".to_owned(),
                    destination_name: Some("a".to_owned()),
                    overwrite: true,
                    ..ConfirmUpload::default()
                };
                let over = other.confirm(&over).await;
                assert!(is_retryable(&over), "{over:?}");
                if fails {
                    system.delete_draft("b").await;
                }
            }
        });
        let outcomes = system.confirm_all(&["a", "b"]).await;
        if fails {
            assert!(is_rolled_back(&outcomes[0]), "{outcomes:?}");
            system.assert_all(&["a"], Some("bytes"), None).await;
            assert!(!system.confirm("a").await.expect("confirmed").replayed);
        } else {
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            assert!(system.confirm("a").await.expect("confirmed again").replayed);
        }
    }
}

async fn failed_rollback_is_reported_and_a_repeat_completes_the_batch(ground: &Ground) {
    let system = System::with_drafts(ground, &["a", "b"]).await;
    system.store.before(Operation::CopyObject, async || {});
    system.store.fail(Operation::CopyObject, ErrorKind::CredentialsRefused);
    system.store.fail(Operation::DeleteObject, ErrorKind::Unavailable);
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(is_retryable(&outcomes[0]), "{outcomes:?}");
    system.assert_all(&["a"], Some("bytes"), Some("bytes")).await;

    let early = system.confirm_all(&["a", "b"]).await;
    assert!(is_retryable(&early[0]) && is_rolled_back(&early[1]), "{early:?}");
    let alone = system.confirm("a").await;
    assert!(is_retryable(&alone), "{alone:?}");

    system.clock.advance(BATCH_TIME);
    assert!(system.confirm_all(&["a", "b"]).await.iter().all(Result::is_ok));
    system.assert_all(&["a", "b"], None, Some("bytes")).await;
}

/// A draft that may be the only copy is not deleted, whether the settlement object was written or not.
async fn unsettled_batch_is_completed_by_a_repeat(ground: &Ground) {
    for lost in [false, true] {
        let names = ["a", "b"];
        let system = System::with_drafts(ground, &names).await;
        if lost {
            system.store.lose_the_answer(Operation::PutObject);
        } else {
            system.store.fail(Operation::PutObject, ErrorKind::Unavailable);
        }
        let outcomes = system.confirm_all(&names).await;
        assert!(outcomes.iter().all(is_retryable), "{outcomes:?}");
        system.assert_all(&names, Some("bytes"), Some("bytes")).await;
        if !lost {
            let early = system.confirm_all(&names).await;
            assert!(early.iter().all(is_retryable), "{early:?}");
            system.clock.advance(BATCH_TIME);
        }
        for outcome in system.confirm_all(&names).await {
            assert!(outcome.expect("confirmed again").replayed);
        }
        system.assert_all(&names, None, Some("bytes")).await;
    }
}

/// Another confirm may have reported the object since.
async fn batch_that_fails_after_its_deadline_rolls_nothing_back(ground: &Ground) {
    let system = Arc::new(System::with_drafts(ground, &["a", "b"]).await);
    system.store.before(Operation::CopyObject, async || {});
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            system.wait_for_main("a").await;
            system.clock.advance(DEFAULT_CONFIRM_TIMEOUT + Duration::from_secs(1));
            system.delete_draft("b").await;
        }
    });
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(matches!(outcomes[1], Err(Error::NotFound(_))), "{outcomes:?}");
    assert!(is_retryable(&outcomes[0]), "{outcomes:?}");
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("bytes")));
    system.clock.advance(BATCH_TIME);
    assert!(system.confirm("a").await.expect("confirmed").replayed);
}

/// A client has discarded the draft in the meantime.
async fn rollback_does_not_need_the_draft(ground: &Ground) {
    let system = Arc::new(System::with_drafts(ground, &["a", "b"]).await);
    system.store.before(Operation::CopyObject, async || {});
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            system.wait_for_main("a").await;
            system.delete_draft("a").await;
            system.delete_draft("b").await;
        }
    });
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(is_rolled_back(&outcomes[0]), "{outcomes:?}");
    assert_eq!(system.state("a").await, state(None, None));
}

/// Crashes after each call, of a batch that would succeed and of one that rolls back because a copy fails.
async fn crash_after_any_call_is_completed_by_a_repeat_of_the_batch(ground: &Ground) {
    let system = ground.system().await;
    for fails in [false, true] {
        for calls in 0.. {
            let names = ["a", "b", "c"].map(|name| format!("{name}{calls}{fails}"));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            for name in &names {
                system.world.draft(name, "bytes").await;
            }
            if fails {
                system.store.before(system.copying(), async || {});
                system.store.fail(system.copying(), ErrorKind::CredentialsRefused);
            }
            system.store.crash_after(calls);
            let crashed = system.confirm_all(&names).await;
            system.drafts.drain().await;
            if !system.store.restart() {
                assert!(calls >= 14, "every call of the batch was crashed at: {calls}");
                break;
            }
            let early = system.confirm_all(&names).await;
            let all = early.iter().all(Result::is_ok);
            assert!(all || early.iter().any(is_retryable), "{calls}: {early:?}");
            for ((name, crashed), early) in names.iter().zip(&crashed).zip(&early) {
                let expected = early.is_ok() || is_retryable(early) || is_rolled_back(early);
                assert!(expected, "{calls}: {early:?}");
                if crashed.is_ok() || early.is_ok() {
                    assert_eq!(system.state(name).await.1.as_deref(), Some("bytes"), "{calls}: kept");
                }
            }
            system.clock.advance(BATCH_TIME);
            let repeated = system.confirm_all(&names).await;
            assert!(repeated.iter().all(Result::is_ok), "{calls}: {repeated:?}");
            system.assert_all(&names, None, Some("bytes")).await;
        }
    }
}
