use std::sync::Arc;

use draftstore_service::draft::ConfirmUpload;
use draftstore_service::{Error, Missing};
use draftstore_storage::{ErrorKind, IfDestination, Operation};
use draftstore_testing::key;

use crate::system::{System, state};

#[tokio::test]
async fn lost_answer_to_the_copy_is_found_by_its_marker() {
    let system = System::start().await;
    system.world.draft("a", "bytes").await;
    system.store.lose_the_answer(Operation::CopyObject);
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
    let copies = system
        .store
        .calls()
        .iter()
        .filter(|(call, _)| *call == Operation::CopyObject)
        .count();
    assert_eq!(copies, 1, "it was not copied again");
}

#[tokio::test]
async fn copy_that_did_not_happen_is_tried_again() {
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Conflict,
        ErrorKind::PreconditionFailed,
    ] {
        let system = System::start().await;
        system.world.draft("a", "bytes").await;
        system.store.fail(Operation::CopyObject, kind);
        system.confirm("a").await.expect("confirmed");
        assert_eq!(system.state("a").await, state(None, Some("bytes")));
    }
}

#[tokio::test]
async fn failed_confirm_changes_nothing_and_a_repeat_completes_it() {
    let system = System::start().await;
    system.world.draft("a", "bytes").await;
    for _ in 0..3 {
        system.store.fail(Operation::CopyObject, ErrorKind::Unavailable);
    }
    let failed = system.confirm("a").await;
    assert!(matches!(failed, Err(Error::StoreUnavailable(_))), "{failed:?}");
    assert_eq!(system.state("a").await, state(Some("bytes"), None));
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
}

#[tokio::test]
async fn crash_at_any_call_is_completed_by_a_repeat() {
    let system = System::start().await;
    for calls in 0.. {
        let name = format!("a{calls}");
        system.world.draft(&name, "bytes").await;
        system.store.crash_after(calls);
        // Whatever it answers: the repeat must complete it.
        let _ = system.confirm(&name).await;
        if !system.store.restart() {
            assert!(calls > 3, "look, copy, look, delete: {calls}");
            break;
        }
        system.confirm(&name).await.expect("confirmed");
        assert_eq!(
            system.state(&name).await,
            state(None, Some("bytes")),
            "crashed after {calls}"
        );
    }
}

#[tokio::test]
async fn failing_to_delete_the_draft_fails_no_confirm() {
    let system = System::start().await;
    system.world.draft("a", "bytes").await;
    system.store.fail(Operation::DeleteObject, ErrorKind::Unavailable);
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("bytes")));
}

#[tokio::test]
async fn bytes_uploaded_before_the_copy_are_kept_only_if_nothing_was_pinned() {
    for pinned in [false, true] {
        let system = System::start().await;
        let seen = system.world.draft("a", "old").await;
        system.store.before(Operation::CopyObject, {
            let again = system.upload_again("a", "new");
            move || again
        });
        let confirmed = system.confirm_pinned("a", pinned.then(|| seen.etag.to_string())).await;
        if pinned {
            assert!(
                matches!(confirmed, Err(Error::PinMismatch { pin: "if_match" })),
                "{confirmed:?}"
            );
            assert_eq!(system.state("a").await, state(Some("new"), None));
        } else {
            confirmed.expect("confirmed");
            assert_eq!(system.state("a").await, state(None, Some("new")));
        }
    }
}

#[tokio::test]
async fn draft_uploaded_after_the_copy_is_not_deleted() {
    let system = System::start().await;
    system.world.draft("a", "old").await;
    system.store.before(Operation::DeleteObject, {
        let again = system.upload_again("a", "new");
        move || again
    });
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, state(Some("new"), Some("old")));
}

#[tokio::test]
async fn object_that_comes_into_main_first_wins() {
    let system = System::start().await;
    let system = Arc::new(system);
    system.world.draft("a", "mine").await;
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            let theirs = system.world.draft("b", "theirs").await;
            let main_key = key("a");
            let absent = IfDestination::Absent;
            system.world.copy(&theirs, &main_key, absent).await.expect("copied");
        }
    });
    let refused = system.confirm("a").await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    assert_eq!(system.state("a").await, state(Some("mine"), Some("theirs")));
}

#[tokio::test]
async fn repeat_of_a_pinned_confirm_answers_as_the_first_did_even_after_a_new_upload() {
    let system = System::start().await;
    let pin = system.world.draft("a", "old").await.etag.to_string();
    let first = system.confirm_pinned("a", Some(pin.clone())).await.expect("confirmed");
    system.world.draft("a", "new").await;
    let second = system.confirm_pinned("a", Some(pin)).await.expect("answered again");
    assert_eq!((&first.etag, second.replayed), (&second.etag, true));
    assert_eq!(system.state("a").await, state(Some("new"), Some("old")));
}

#[tokio::test]
async fn object_that_no_confirm_made_does_not_pass_for_one() {
    let system = System::start().await;
    let foreign = system.world.draft("a", "foreign").await;
    let absent = IfDestination::Absent;
    system.world.copy(&foreign, &foreign.key, absent).await.expect("copied");
    let refused = system.confirm("a").await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    system
        .world
        .storage
        .delete_draft(&system.world.draft, &foreign)
        .await
        .expect("deleted");
    let missing = system.confirm("a").await;
    assert!(matches!(missing, Err(Error::NotFound(Missing::Draft))), "{missing:?}");
}

#[tokio::test]
async fn confirm_runs_to_its_end_though_the_caller_goes_away() {
    let system = System::start().await;
    system.world.draft("a", "bytes").await;
    let (begun, heard) = tokio::sync::oneshot::channel();
    let (go_on, told) = tokio::sync::oneshot::channel::<()>();
    system.store.before(Operation::CopyObject, move || async move {
        begun.send(()).expect("the test waits");
        told.await.expect("the test goes on");
    });
    let (deleting, deleted) = tokio::sync::oneshot::channel();
    system.store.before(Operation::DeleteObject, move || async move {
        deleting.send(()).expect("the test waits");
    });
    tokio::select! {
        _ = system.confirm("a") => panic!("it waits for the test"),
        begun = heard => begun.expect("begun"),
    }
    go_on.send(()).expect("it waits");
    deleted.await.expect("it came to its last call");
    assert_eq!(system.state("a").await.1.as_deref(), Some("bytes"));
}

/// Main changes between the look and the copy: the copy's own condition holds.
#[tokio::test]
async fn overwrite_does_not_replace_what_it_has_not_seen() {
    let system = Arc::new(System::start().await);
    system.world.draft("a", "first").await;
    system.confirm("a").await.expect("confirmed");
    system.world.draft("a", "mine").await;
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            let theirs = system.world.draft("b", "theirs").await;
            let main = system
                .world
                .storage
                .head(system.world.main.name(), &key("a"))
                .await
                .expect("there");
            let replace = IfDestination::Matches(&main.etag);
            system.world.copy(&theirs, &key("a"), replace).await.expect("copied");
        }
    });
    let request = ConfirmUpload {
        object_name: "a".to_owned(),
        overwrite: true,
        ..ConfirmUpload::default()
    };
    let refused = system.drafts.confirm(&request).await;
    assert!(
        matches!(
            refused,
            Err(Error::PinMismatch {
                pin: "overwrite_if_match"
            })
        ),
        "{refused:?}"
    );
    assert_eq!(system.state("a").await, state(Some("mine"), Some("theirs")));
}
