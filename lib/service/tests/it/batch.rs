//! Atomic batches: all or nothing, whatever happens in the middle.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::Error;
use draftstore_service::draft::{ConfirmBatch, ConfirmUpload, Confirmed, DEFAULT_CONFIRM_TIMEOUT};
use draftstore_storage::{ErrorKind, IfDestination, Operation};
use draftstore_testing::key;

use crate::ground::Ground;
use crate::system::{System, state};

/// Longer than a batch may take, with what it takes back.
const BATCH_TIME: Duration = DEFAULT_CONFIRM_TIMEOUT.saturating_add(Duration::from_secs(30));

promises! {
    batch_is_kept_and_a_repeat_is_replayed: strong, weak, garage;
    batch_whose_nth_copy_fails_leaves_everything_as_it_was: strong, garage;
    batch_with_one_missing_copies_nothing: strong, weak, garage;
    copy_that_could_not_be_read_back_is_taken_back_too: strong, garage;
    object_put_over_ours_before_the_rollback_looks_is_not_taken_back: strong, garage;
    object_put_over_ours_before_the_delete_is_not_taken_back: strong, garage => object_put_over_ours_between_look_and_delete_is_taken_along;
    object_that_another_confirm_made_is_not_taken_back: strong, garage;
    what_may_be_taken_back_answers_nobody_and_is_not_replaced: strong, garage;
    failed_undo_is_told_and_a_repeat_completes_the_batch_in_time: strong, garage;
    batch_that_cannot_settle_is_left_for_a_repeat: strong, garage;
    batch_that_fails_when_its_time_is_up_takes_nothing_back: strong, garage;
    rollback_asks_nothing_of_the_draft: strong, garage;
    crash_after_any_call_is_completed_by_a_repeat_in_time: strong, weak, garage;
}

impl System {
    async fn confirm_all(&self, names: &[&str]) -> Vec<Result<Confirmed, Error>> {
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

    /// Returns when main holds something under this name.
    async fn comes_to_main(&self, name: &str) {
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

fn is_told_to_come_back(outcome: &Result<Confirmed, Error>) -> bool {
    matches!(outcome, Err(Error::StoreUnavailable(_)))
}

async fn batch_is_kept_and_a_repeat_is_replayed(ground: &Ground) {
    let system = System::with_drafts(ground, &["a", "b", "c"]).await;
    for replayed in [false, true] {
        for outcome in system.confirm_all(&["a", "b", "c"]).await {
            assert_eq!(outcome.expect("confirmed").replayed, replayed);
        }
        system.assert_all(&["a", "b", "c"], None, Some("bytes")).await;
        let alone = system.confirm("a").await.expect("answered again");
        assert!(alone.replayed);
    }
}

async fn batch_whose_nth_copy_fails_leaves_everything_as_it_was(ground: &Ground) {
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
            "it was made and taken back"
        );
        assert!(
            system.confirm_all(&names).await.iter().all(Result::is_ok),
            "a repeat succeeds"
        );
    }
}

async fn batch_with_one_missing_copies_nothing(ground: &Ground) {
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

/// The look at main after the copy fails, with the copy's answer lost and not: the copy is there all the same.
async fn copy_that_could_not_be_read_back_is_taken_back_too(ground: &Ground) {
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

async fn object_put_over_ours_before_the_rollback_looks_is_not_taken_back(ground: &Ground) {
    let system = fail_a_batch_and_put_theirs_before(ground, Operation::HeadObject).await;
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("theirs")));
    assert_eq!(system.calls_on_main(Operation::DeleteObject), 0);
}

async fn object_put_over_ours_before_the_delete_is_not_taken_back(ground: &Ground) {
    let system = fail_a_batch_and_put_theirs_before(ground, Operation::DeleteObject).await;
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("theirs")));
    assert_eq!(system.calls_on_main(Operation::DeleteObject), 1);
}

/// Garage's lack: a delete has no condition.
async fn object_put_over_ours_between_look_and_delete_is_taken_along(ground: &Ground) {
    let system = fail_a_batch_and_put_theirs_before(ground, Operation::DeleteObject).await;
    assert_eq!(system.state("a").await, state(Some("bytes"), None));
}

/// Another's object replaces what the batch has made: before the rollback looks, or before its delete.
async fn fail_a_batch_and_put_theirs_before(ground: &Ground, operation: Operation) -> Arc<System> {
    let system = Arc::new(System::with_drafts(ground, &["a", "b"]).await);
    system.store.before(Operation::CopyObject, async || {});
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            system.comes_to_main("a").await;
            system.delete_draft("b").await;
        }
    });
    if operation == Operation::HeadObject {
        // The looks, then a's copy read back, and b's after its copy failed: twice main, once the draft.
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

/// Another server copied the same draft, was not done yet, and the batch's own copy is in doubt.
async fn object_that_another_confirm_made_is_not_taken_back(ground: &Ground) {
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
            system.other_server().confirm(&confirm).await.expect("confirmed");
        }
    });
    system.store.fail(Operation::DeleteObject, ErrorKind::Unavailable);
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(outcomes[0].as_ref().is_ok_and(|kept| kept.replayed), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(Error::StoreCredentials(_))), "{outcomes:?}");
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("bytes")));
    assert_eq!(system.state("b").await, state(Some("bytes"), None));
}

/// Not by another server either, which knows nothing of the locks of this one.
async fn what_may_be_taken_back_answers_nobody_and_is_not_replaced(ground: &Ground) {
    for fails in [false, true] {
        let system = Arc::new(System::with_drafts(ground, &["a", "b", "c"]).await);
        system.store.before(Operation::CopyObject, async || {});
        system.store.before(Operation::CopyObject, {
            let system = Arc::clone(&system);
            move || async move {
                system.comes_to_main("a").await;
                let other = system.other_server();
                let confirm = ConfirmUpload {
                    object_name: "a".to_owned(),
                    ..ConfirmUpload::default()
                };
                let alone = other.confirm(&confirm).await;
                assert!(is_told_to_come_back(&alone), "{alone:?}");
                let batch = ConfirmBatch {
                    uploads: vec![confirm],
                    atomic: true,
                };
                let together = other.confirm_batch(batch).await.expect("a batch");
                assert!(is_told_to_come_back(&together[0]), "{together:?}");
                // Of the same bytes, and so with the ETag that a rollback would delete.
                let over = ConfirmUpload {
                    object_name: "c".to_owned(),
                    destination_name: Some("a".to_owned()),
                    overwrite: true,
                    ..ConfirmUpload::default()
                };
                let over = other.confirm(&over).await;
                assert!(is_told_to_come_back(&over), "{over:?}");
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
            assert!(system.confirm("a").await.expect("answered again").replayed);
        }
    }
}

async fn failed_undo_is_told_and_a_repeat_completes_the_batch_in_time(ground: &Ground) {
    let system = System::with_drafts(ground, &["a", "b"]).await;
    system.store.before(Operation::CopyObject, async || {});
    system.store.fail(Operation::CopyObject, ErrorKind::CredentialsRefused);
    system.store.fail(Operation::DeleteObject, ErrorKind::Unavailable);
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(is_told_to_come_back(&outcomes[0]), "{outcomes:?}");
    system.assert_all(&["a"], Some("bytes"), Some("bytes")).await;

    let early = system.confirm_all(&["a", "b"]).await;
    assert!(
        is_told_to_come_back(&early[0]) && is_rolled_back(&early[1]),
        "{early:?}"
    );
    let alone = system.confirm("a").await;
    assert!(is_told_to_come_back(&alone), "{alone:?}");

    system.clock.advance(BATCH_TIME);
    assert!(system.confirm_all(&["a", "b"]).await.iter().all(Result::is_ok));
    system.assert_all(&["a", "b"], None, Some("bytes")).await;
}

/// Whether or not the word was heard: nobody removes a draft that may still be the only copy.
async fn batch_that_cannot_settle_is_left_for_a_repeat(ground: &Ground) {
    for lost in [false, true] {
        let names = ["a", "b"];
        let system = System::with_drafts(ground, &names).await;
        if lost {
            system.store.lose_the_answer(Operation::PutObject);
        } else {
            system.store.fail(Operation::PutObject, ErrorKind::Unavailable);
        }
        let outcomes = system.confirm_all(&names).await;
        assert!(outcomes.iter().all(is_told_to_come_back), "{outcomes:?}");
        system.assert_all(&names, Some("bytes"), Some("bytes")).await;
        if !lost {
            let early = system.confirm_all(&names).await;
            assert!(early.iter().all(is_told_to_come_back), "{early:?}");
            system.clock.advance(BATCH_TIME);
        }
        for outcome in system.confirm_all(&names).await {
            assert!(outcome.expect("answered again").replayed);
        }
        system.assert_all(&names, None, Some("bytes")).await;
    }
}

/// Another confirm may have been answered by it since.
async fn batch_that_fails_when_its_time_is_up_takes_nothing_back(ground: &Ground) {
    let system = Arc::new(System::with_drafts(ground, &["a", "b"]).await);
    system.store.before(Operation::CopyObject, async || {});
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            system.comes_to_main("a").await;
            system.clock.advance(DEFAULT_CONFIRM_TIMEOUT + Duration::from_secs(1));
            system.delete_draft("b").await;
        }
    });
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(matches!(outcomes[1], Err(Error::NotFound(_))), "{outcomes:?}");
    assert!(is_told_to_come_back(&outcomes[0]), "{outcomes:?}");
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("bytes")));
    system.clock.advance(BATCH_TIME);
    assert!(system.confirm("a").await.expect("confirmed").replayed);
}

/// A client has discarded it, and the batch says that it keeps nothing.
async fn rollback_asks_nothing_of_the_draft(ground: &Ground) {
    let system = Arc::new(System::with_drafts(ground, &["a", "b"]).await);
    system.store.before(Operation::CopyObject, async || {});
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            system.comes_to_main("a").await;
            system.delete_draft("a").await;
            system.delete_draft("b").await;
        }
    });
    let outcomes = system.confirm_all(&["a", "b"]).await;
    assert!(is_rolled_back(&outcomes[0]), "{outcomes:?}");
    assert_eq!(system.state("a").await, state(None, None));
}

/// A crash after each call, of a batch that would succeed and of one that has a copy fail and takes back the others.
async fn crash_after_any_call_is_completed_by_a_repeat_in_time(ground: &Ground) {
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
            if !system.store.restart() {
                assert!(calls >= 16, "every call of the batch was crashed at: {calls}");
                break;
            }
            let early = system.confirm_all(&names).await;
            let all = early.iter().all(Result::is_ok);
            assert!(all || early.iter().any(is_told_to_come_back), "{calls}: {early:?}");
            for ((name, crashed), early) in names.iter().zip(&crashed).zip(&early) {
                let expected = early.is_ok() || is_told_to_come_back(early) || is_rolled_back(early);
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
