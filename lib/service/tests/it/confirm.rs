//! Confirms of one draft.

use std::sync::Arc;

use draftstore_service::draft::{ConfirmUpload, Confirmed, IssueUpload};
use draftstore_service::{Error, Missing};
use draftstore_storage::{ErrorKind, IfDestination, Operation};
use draftstore_testing::{SignedRequest, key};

use crate::ground::Ground;
use crate::system::{System, state};

promises! {
    lost_copy_response_is_recovered_by_the_marker: strong, garage, seaweedfs;
    failed_copy_is_retried: strong, weak, garage, seaweedfs;
    failed_confirm_changes_nothing_and_a_repeat_completes_it: strong, weak, garage, seaweedfs;
    crash_at_any_call_is_completed_by_a_repeat: strong, weak, garage, seaweedfs;
    confirm_succeeds_if_the_draft_cannot_be_deleted: strong, garage, seaweedfs;
    draft_replaced_before_the_copy_is_confirmed_only_without_pins: strong, weak, garage, seaweedfs;
    draft_uploaded_again_before_the_delete_is_kept: strong, garage => draft_uploaded_between_check_and_delete_is_lost, seaweedfs;
    object_created_in_main_before_the_copy_wins: strong, garage => object_created_in_main_between_check_and_copy_is_replaced, seaweedfs;
    repeat_of_a_pinned_confirm_has_the_first_result_after_a_new_upload: strong, weak, garage, seaweedfs;
    confirm_pinned_to_a_checksum_is_repeated_where_copies_have_none: strong, weak, sources, garage, seaweedfs;
    object_without_a_marker_is_not_taken_for_a_confirmed_one: strong, weak, garage, seaweedfs;
    confirm_completes_after_the_caller_disconnects: strong, garage, seaweedfs;
    overwrite_does_not_replace_a_version_it_has_not_read: strong, garage => overwrite_replaces_an_object_created_between_check_and_copy, seaweedfs;
}

async fn lost_copy_response_is_recovered_by_the_marker(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    system.store.lose_the_answer(Operation::CopyObject);
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
    assert_eq!(system.copies(), 1, "the copy is not repeated");
}

/// A copy in parts has no checksum of the whole object.
async fn confirm_pinned_to_a_checksum_is_repeated_where_copies_have_none(ground: &Ground) {
    let system = ground.system().await;
    let [own, other] = [
        "J3CJ2RwL308uaGK6fkoHYFEZQx9dE/cm3TUrBvGyBqk=",
        "2SmKENGwc1g33EvYXaxkGw887yekfl1TpU8vP1svz/o=",
    ];
    let upload = IssueUpload {
        object_name: "a".to_owned(),
        checksum_sha256: Some(own.to_owned()),
        ..IssueUpload::default()
    };
    let issued = system.drafts.issue_upload(&upload).await.expect("issued");
    let sent = system.world.send(&SignedRequest::from(issued.request), "bytes").await;
    assert_eq!(sent.status(), 200);
    for key in [None, Some("k".to_owned())] {
        let pinned = |sha256: &str| ConfirmUpload {
            object_name: "a".to_owned(),
            destination_name: Some(format!("b{}", key.is_some())),
            checksum_sha256: Some(sha256.to_owned()),
            idempotency_key: key.clone(),
            ..ConfirmUpload::default()
        };
        for replayed in [false, true] {
            let confirmed = system.drafts.confirm(&pinned(own)).await.expect("confirmed");
            assert_eq!(confirmed.replayed, replayed);
        }
        let other = system.drafts.confirm(&pinned(other)).await;
        assert!(
            matches!(other, Err(Error::PinMismatch { .. } | Error::NotFound(_))),
            "{other:?}"
        );
        // A delete that is still to come would remove the same bytes, uploaded again.
        system.drafts.drain().await;
        let issued = system.drafts.issue_upload(&upload).await.expect("issued");
        system.world.send(&SignedRequest::from(issued.request), "bytes").await;
    }
}

async fn failed_copy_is_retried(ground: &Ground) {
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Conflict,
        ErrorKind::PreconditionFailed,
    ] {
        let system = ground.system().await;
        system.world.draft("a", "bytes").await;
        system.store.fail(system.copying(), kind);
        system.confirm("a").await.expect("confirmed");
        assert_eq!(system.state("a").await, state(None, Some("bytes")));
    }
}

async fn failed_confirm_changes_nothing_and_a_repeat_completes_it(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    for _ in 0..3 {
        system.store.fail(system.copying(), ErrorKind::Unavailable);
    }
    let failed = system.confirm("a").await;
    assert!(matches!(failed, Err(Error::StoreUnavailable(_))), "{failed:?}");
    assert_eq!(system.state("a").await, state(Some("bytes"), None));
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
}

async fn crash_at_any_call_is_completed_by_a_repeat(ground: &Ground) {
    let system = ground.system().await;
    for calls in 0.. {
        let name = format!("a{calls}");
        system.world.draft(&name, "bytes").await;
        system.store.crash_after(calls);
        // The result does not matter: the repeat must complete the confirm.
        let _ = system.confirm(&name).await;
        system.drafts.drain().await;
        if !system.store.restart() {
            assert!(calls > 3, "at least a check, a copy, a check and a delete: {calls}");
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

async fn confirm_succeeds_if_the_draft_cannot_be_deleted(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    system.store.fail(system.deleting(), ErrorKind::Unavailable);
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, state(Some("bytes"), Some("bytes")));
}

async fn draft_replaced_before_the_copy_is_confirmed_only_without_pins(ground: &Ground) {
    for pinned in [false, true] {
        let system = ground.system().await;
        let seen = system.world.draft("a", "old").await;
        system.store.before(system.copying(), {
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

async fn draft_uploaded_again_before_the_delete_is_kept(ground: &Ground) {
    let system = confirm_and_upload_before_the_delete(ground).await;
    assert_eq!(system.state("a").await, state(Some("new"), Some("old")));
}

/// Garage ignores conditions on deletes.
async fn draft_uploaded_between_check_and_delete_is_lost(ground: &Ground) {
    let system = confirm_and_upload_before_the_delete(ground).await;
    assert_eq!(system.state("a").await, state(None, Some("old")));
}

async fn confirm_and_upload_before_the_delete(ground: &Ground) -> System {
    let system = ground.system().await;
    system.world.draft("a", "old").await;
    system.store.before(system.deleting(), {
        let again = system.upload_again("a", "new");
        move || again
    });
    system.confirm("a").await.expect("confirmed");
    system
}

async fn object_created_in_main_before_the_copy_wins(ground: &Ground) {
    let system = mine_and_theirs_before_the_copy(ground).await;
    let refused = system.confirm("a").await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    assert_eq!(system.state("a").await, state(Some("mine"), Some("theirs")));
}

/// Garage ignores conditions on the destination of a copy. Another confirm on the same server would have waited.
async fn object_created_in_main_between_check_and_copy_is_replaced(ground: &Ground) {
    let system = mine_and_theirs_before_the_copy(ground).await;
    assert!(!system.confirm("a").await.expect("confirmed").replayed);
    assert_eq!(system.state("a").await, state(None, Some("mine")));
}

/// Creates a draft, and another object in main just before the draft is copied.
async fn mine_and_theirs_before_the_copy(ground: &Ground) -> Arc<System> {
    let system = Arc::new(ground.system().await);
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
    system
}

async fn repeat_of_a_pinned_confirm_has_the_first_result_after_a_new_upload(ground: &Ground) {
    let system = ground.system().await;
    let pin = system.world.draft("a", "old").await.etag.to_string();
    let first = system.confirm_pinned("a", Some(pin.clone())).await.expect("confirmed");
    system.world.draft("a", "new").await;
    let second = system.confirm_pinned("a", Some(pin)).await.expect("confirmed again");
    assert_eq!((&first.etag, second.replayed), (&second.etag, true));
    assert_eq!(system.state("a").await, state(Some("new"), Some("old")));
}

async fn object_without_a_marker_is_not_taken_for_a_confirmed_one(ground: &Ground) {
    let system = ground.system().await;
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

async fn confirm_completes_after_the_caller_disconnects(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    let (begun, heard) = tokio::sync::oneshot::channel();
    let (go_on, told) = tokio::sync::oneshot::channel::<()>();
    system.store.before(Operation::CopyObject, move || async move {
        begun.send(()).expect("the test waits");
        told.await.expect("the test goes on");
    });
    let (deleting, deleted) = tokio::sync::oneshot::channel();
    system.store.before(system.deleting(), move || async move {
        deleting.send(()).expect("the test waits");
    });
    tokio::select! {
        _ = system.confirm("a") => panic!("the confirm waits for the test"),
        begun = heard => begun.expect("upload begun"),
    }
    go_on.send(()).expect("it waits");
    deleted.await.expect("the confirm reached its last call");
    assert_eq!(system.state("a").await.1.as_deref(), Some("bytes"));
}

/// Main changes between the check and the copy: the condition of the copy fails.
async fn overwrite_does_not_replace_a_version_it_has_not_read(ground: &Ground) {
    let (system, overwritten) = overwrite_what_changes(ground).await;
    assert!(matches!(overwritten, Err(Error::Changed)), "{overwritten:?}");
    assert_eq!(system.state("a").await, state(Some("mine"), Some("theirs")));
}

/// Garage ignores conditions on the destination of a copy.
async fn overwrite_replaces_an_object_created_between_check_and_copy(ground: &Ground) {
    let (system, overwritten) = overwrite_what_changes(ground).await;
    overwritten.expect("confirmed");
    assert_eq!(system.state("a").await, state(None, Some("mine")));
}

async fn overwrite_what_changes(ground: &Ground) -> (Arc<System>, Result<Confirmed, Error>) {
    let system = Arc::new(ground.system().await);
    system.world.draft("a", "first").await;
    system.confirm("a").await.expect("confirmed");
    system.world.draft("a", "mine").await;
    system.store.before(Operation::CopyObject, {
        let system = Arc::clone(&system);
        move || async move {
            let theirs = system.world.draft("b", "theirs").await;
            let main_key = key("a");
            let main = system.world.storage.head(system.world.main.name(), &main_key);
            let first = main.await.expect("there").etag;
            let replace = IfDestination::Matches(&first);
            system.world.copy(&theirs, &main_key, replace).await.expect("copied");
        }
    });
    let request = ConfirmUpload {
        object_name: "a".to_owned(),
        overwrite: true,
        ..ConfirmUpload::default()
    };
    let overwritten = system.drafts.confirm(&request).await;
    (system, overwritten)
}
