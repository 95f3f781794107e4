//! Copies of another version than the one asked for, on a store whose condition on the source seemed to hold.

use std::time::Duration;

use draftstore_service::Error;
use draftstore_service::draft::ConfirmUpload;
use draftstore_storage::{Condition, Operation};

use crate::ground::Ground;
use crate::system::{System, state};

/// The time after which a swapped copy that its confirm left behind is replaced.
const HELD_FOR: Duration = Duration::from_secs(601);

promises! {
    swapped_copy_is_undone_and_confirmed_only_without_pins: swapping;
    swapped_copy_is_undone_with_its_batch: swapping;
    object_that_replaced_a_swapped_copy_is_kept: swapping;
    swapped_copy_of_a_crashed_confirm_is_replaced_later: swapping;
    swapped_copy_of_another_confirm_is_not_deleted: swapping;
}

/// Replaces the draft between the check of a confirm and its copy, which the store does not notice.
async fn swapping(ground: &Ground) -> (System, String) {
    let system = ground.system().await;
    let seen = system.world.draft("a", "old").await;
    system.store.before(Operation::CopyObject, {
        let again = system.upload_again("a", "new");
        move || again
    });
    (system, seen.etag.to_string())
}

async fn swapped_copy_is_undone_and_confirmed_only_without_pins(ground: &Ground) {
    for pinned in [false, true] {
        let (system, seen) = swapping(ground).await;
        let confirmed = system.confirm_pinned("a", pinned.then_some(seen)).await;
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
        assert!(!system.honours(Condition::CopySource), "the next copies are in parts");
    }
}

async fn swapped_copy_is_undone_with_its_batch(ground: &Ground) {
    let (system, _) = swapping(ground).await;
    system.world.draft("b", "bytes").await;
    let confirmed = system.confirm_all(&["a", "b"]).await;
    assert!(confirmed.iter().all(Result::is_err), "{confirmed:?}");
    assert_eq!(system.state("a").await, state(Some("new"), None));
    assert_eq!(system.state("b").await, state(Some("bytes"), None));
    assert!(!system.honours(Condition::CopySource));
}

/// Only the version that this confirm has made is deleted.
async fn object_that_replaced_a_swapped_copy_is_kept(ground: &Ground) {
    let (system, seen) = swapping(ground).await;
    let world = system.world.clone();
    system.store.before(Operation::DeleteObject, move || async move {
        let put = world.sdk().put_object().bucket(world.main.name().as_str()).key("a");
        put.body(b"another's".to_vec().into()).send().await.expect("replaced");
    });
    let confirmed = system.confirm_pinned("a", Some(seen)).await;
    assert!(matches!(confirmed, Err(Error::PinMismatch { .. })), "{confirmed:?}");
    assert_eq!(system.state("a").await, state(Some("new"), Some("another's")));
}

async fn swapped_copy_of_a_crashed_confirm_is_replaced_later(ground: &Ground) {
    let (system, _) = swapping(ground).await;
    // The lookup of the draft, the copy and the lookup of main.
    system.store.crash_after(3);
    system.confirm("a").await.expect_err("crashed");
    assert!(system.store.restart());
    assert_eq!(system.state("a").await, state(Some("new"), Some("new")), "swapped");

    let refused = system.confirm("a").await.expect_err("it may still be undone");
    assert!(matches!(refused, Error::StoreUnavailable(_)), "{refused:?}");
    system.clock.advance(HELD_FOR);
    let confirmed = system.confirm("a").await.expect("confirmed");
    assert!(!confirmed.replayed);
    assert_eq!(system.state("a").await, state(None, Some("new")));
}

/// After a lost answer, another confirm of the same draft may have made the copy.
async fn swapped_copy_of_another_confirm_is_not_deleted(ground: &Ground) {
    let system = ground.system().await;
    let seen = system.world.draft("a", "old").await;
    let again = system.upload_again("a", "new");
    system.store.before(Operation::HeadObject, || async {});
    // The lookup of main, since the confirm may overwrite.
    system.store.before(Operation::HeadObject, move || again);
    system.store.lose_the_answer(Operation::CopyObject);
    let request = ConfirmUpload {
        object_name: "a".to_owned(),
        if_match: Some(seen.etag.to_string()),
        overwrite: true,
        ..ConfirmUpload::default()
    };
    let refused = system.drafts.confirm(&request).await.expect_err("not known");
    assert!(matches!(refused, Error::StoreUnavailable(_)), "{refused:?}");
    assert_eq!(system.state("a").await, state(Some("new"), Some("new")));
}

/// A version that is replaced and put back within a second has the same date. The part's `ETag` tells.
#[tokio::test]
async fn part_of_another_version_is_noticed_although_the_draft_is_as_before() {
    let system = Ground::staging().await.system().await;
    let seen = system.world.draft("a", "old").await;
    let [away, back] = ["new", "old"].map(|bytes| system.upload_again("a", bytes));
    system.store.before(Operation::UploadPartCopy, move || away);
    for _ in ["the draft", "main"] {
        system.store.before(Operation::HeadObject, || async {});
    }
    system.store.before(Operation::HeadObject, move || back);
    let confirmed = system.confirm_pinned("a", Some(seen.etag.to_string())).await;
    confirmed.expect("confirmed");
    assert_eq!(system.state("a").await, state(None, Some("old")));
}
