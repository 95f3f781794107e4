//! Drafts over the size that one copy can carry, with that size lowered.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::Error;
use draftstore_service::cleaner::{Brake, Brakes, Mode};
use draftstore_service::draft::{ConfirmLimits, ConfirmUpload};
use draftstore_storage::{Condition, ErrorKind, IfDestination, ListUploads, Operation};
use draftstore_testing::key;

use crate::ground::Ground;
use crate::system::{System, expire};

/// Every draft of these tests is larger.
const LIMITS: ConfirmLimits = ConfirmLimits {
    timeout: Duration::from_secs(600),
    max_copy_bytes: 2,
};

promises! {
    staged_copy_is_kept_and_leaves_nothing_behind: strong, weak, garage;
    lost_answer_to_the_completion_is_found_by_its_marker: strong, weak, garage;
    staging_or_completion_that_did_not_happen_is_tried_again: strong, weak, garage;
    object_that_comes_into_main_during_the_staging_wins: strong, weak, garage;
    object_that_comes_into_main_before_the_completion_wins: strong, garage;
    bytes_uploaded_before_the_staging_are_answered_for_only_if_nothing_was_pinned: strong, weak, garage;
    overwrite_replaces_what_it_saw: strong, weak, garage;
    crash_at_any_call_is_completed_by_a_repeat: strong, weak, garage;
    sweep_leaves_a_copy_alone_that_is_under_way: strong, weak, garage;
    staged_copy_that_a_crash_left_goes_with_a_sweep_and_nothing_else_in_main_does: strong, weak, garage;
    small_draft_that_was_uploaded_in_parts_is_staged_where_copies_have_no_condition: strong, weak, garage;
}

impl System {
    /// Keys of multipart uploads in main, in order.
    async fn staged(&self) -> Vec<String> {
        let (main, all) = (self.world.main.name(), ListUploads::default());
        let page = self.world.storage.list_uploads(main, &all).await.expect("listed");
        let mut keys: Vec<_> = page.uploads.iter().map(|upload| upload.key.to_string()).collect();
        // Garage lists those of a page in no order of keys.
        keys.sort();
        keys
    }

    /// That no trace of a staged copy is left.
    async fn assert_nothing_staged(&self) {
        let keys = self.world.draft_keys().await;
        let notes: Vec<_> = keys.iter().filter(|key| key.starts_with(".drafts/")).collect();
        assert!(notes.is_empty(), "{notes:?}");
        assert_eq!(self.staged().await, [""; 0]);
    }

    async fn begin_upload_to_main(&self, name: &str) {
        let begin = self.world.sdk().create_multipart_upload();
        let begin = begin.bucket(self.world.main.name().as_str()).key(name);
        begin.send().await.expect("begun");
    }

    async fn put_theirs_into_main(&self) {
        let theirs = self.world.draft("b", much("theirs")).await;
        let absent = IfDestination::Absent;
        self.world.copy(&theirs, &key("a"), absent).await.expect("copied");
    }
}

impl Ground {
    async fn staging_system(&self) -> System {
        self.system().await.limited(LIMITS)
    }
}

/// Of some bytes: Garage copies no parts of objects of less than about 3 KiB, which it keeps with their metadata.
const TIMES: usize = 1024;

/// How long `much("bytes")` is.
const LENGTH: u64 = 5 * TIMES as u64;

/// A large draft's bytes, of these.
fn much(of: &str) -> String {
    of.repeat(TIMES)
}

/// Both sides of a state, of so much.
fn much_state(draft: Option<&str>, main: Option<&str>) -> (Option<String>, Option<String>) {
    (draft.map(much), main.map(much))
}

async fn staged_copy_is_kept_and_leaves_nothing_behind(ground: &Ground) {
    let system = ground.staging_system().await;
    system.world.draft("a", much("bytes")).await;
    for replayed in [false, true] {
        let kept = system.confirm("a").await.expect("confirmed");
        assert_eq!((kept.size, kept.replayed), (LENGTH, replayed));
    }
    assert_eq!(system.state("a").await, much_state(None, Some("bytes")));
    system.assert_nothing_staged().await;
    let calls = system.store.calls();
    assert!(
        calls.iter().all(|(call, _)| *call != Operation::CopyObject),
        "part by part"
    );
}

async fn lost_answer_to_the_completion_is_found_by_its_marker(ground: &Ground) {
    let system = ground.staging_system().await;
    system.world.draft("a", much("bytes")).await;
    system.store.lose_the_answer(Operation::CompleteMultipartUpload);
    assert!(!system.confirm("a").await.expect("confirmed").replayed);
    assert_eq!(system.state("a").await, much_state(None, Some("bytes")));
    system.assert_nothing_staged().await;
}

async fn staging_or_completion_that_did_not_happen_is_tried_again(ground: &Ground) {
    for operation in [Operation::UploadPartCopy, Operation::CompleteMultipartUpload] {
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::Conflict,
            ErrorKind::PreconditionFailed,
        ] {
            let system = ground.staging_system().await;
            system.world.draft("a", much("bytes")).await;
            system.store.fail(operation, kind);
            system.confirm("a").await.expect("confirmed");
            assert_eq!(
                system.state("a").await,
                much_state(None, Some("bytes")),
                "{operation} {kind}"
            );
            assert_eq!(system.staged().await, [""; 0], "{operation} {kind}");
        }
    }
}

async fn object_that_comes_into_main_during_the_staging_wins(ground: &Ground) {
    let system = Arc::new(ground.staging_system().await);
    system.world.draft("a", much("mine")).await;
    system.store.before(Operation::UploadPartCopy, {
        let system = Arc::clone(&system);
        move || async move { system.put_theirs_into_main().await }
    });
    let refused = system.confirm("a").await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    assert_eq!(system.state("a").await, much_state(Some("mine"), Some("theirs")));
    system.assert_nothing_staged().await;
}

/// Garage has no condition for it, but ends every upload to a key that another write comes to.
async fn object_that_comes_into_main_before_the_completion_wins(ground: &Ground) {
    let system = Arc::new(ground.staging_system().await);
    system.world.draft("a", much("mine")).await;
    system.store.before(Operation::CompleteMultipartUpload, {
        let system = Arc::clone(&system);
        move || async move { system.put_theirs_into_main().await }
    });
    let refused = system.confirm("a").await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    assert_eq!(system.state("a").await, much_state(Some("mine"), Some("theirs")));
    system.assert_nothing_staged().await;
}

async fn bytes_uploaded_before_the_staging_are_answered_for_only_if_nothing_was_pinned(ground: &Ground) {
    for pinned in [false, true] {
        let system = ground.staging_system().await;
        let seen = system.world.draft("a", much("old")).await.etag.to_string();
        system.store.before(Operation::UploadPartCopy, {
            let again = system.upload_again("a", &much("newer"));
            move || again
        });
        let confirmed = system.confirm_pinned("a", pinned.then(|| seen.clone())).await;
        if pinned {
            for refused in [confirmed, system.confirm_pinned("a", Some(seen)).await] {
                assert!(
                    matches!(refused, Err(Error::PinMismatch { pin: "if_match" })),
                    "{refused:?}"
                );
            }
            assert_eq!(system.state("a").await, much_state(Some("newer"), None));
        } else {
            assert_eq!(confirmed.expect("confirmed").size, LENGTH);
            assert_eq!(system.state("a").await, much_state(None, Some("newer")));
        }
        assert_eq!(system.staged().await, [""; 0]);
    }
}

async fn overwrite_replaces_what_it_saw(ground: &Ground) {
    let system = ground.staging_system().await;
    system.put_theirs_into_main().await;
    system.world.draft("a", much("mine")).await;
    let request = ConfirmUpload {
        object_name: "a".to_owned(),
        overwrite: true,
        ..ConfirmUpload::default()
    };
    system.drafts.confirm(&request).await.expect("confirmed");
    assert_eq!(system.state("a").await, much_state(None, Some("mine")));
    system.assert_nothing_staged().await;
}

async fn crash_at_any_call_is_completed_by_a_repeat(ground: &Ground) {
    let system = ground.staging_system().await;
    for calls in 0.. {
        let name = format!("a{calls}");
        system.world.draft(&name, much("bytes")).await;
        system.store.crash_after(calls);
        // Whatever it answers: the repeat must complete it.
        let _ = system.confirm(&name).await;
        if !system.store.restart() {
            assert!(
                calls > 6,
                "two looks, a note, a staging, a completion, the note, a look, a delete: {calls}"
            );
            break;
        }
        system.confirm(&name).await.expect("confirmed");
        assert_eq!(
            system.state(&name).await,
            much_state(None, Some("bytes")),
            "crashed after {calls}"
        );
    }
}

async fn sweep_leaves_a_copy_alone_that_is_under_way(ground: &Ground) {
    let system = Arc::new(ground.staging_system().await);
    system.world.draft("a", much("bytes")).await;
    system.store.before(Operation::CompleteMultipartUpload, {
        let system = Arc::clone(&system);
        move || async move {
            let swept = system
                .cleaner(3600)
                .sweep(Mode::Delete, &mut |_| {})
                .await
                .expect("swept");
            assert_eq!((swept.expired, swept.deleted), (0, 0));
        }
    });
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, much_state(None, Some("bytes")));
}

async fn staged_copy_that_a_crash_left_goes_with_a_sweep_and_nothing_else_in_main_does(ground: &Ground) {
    let system = ground.system().await;
    // The draft, main, a note and the staging; then again the draft and main, where their conditions do not hold by
    // themselves. The next is the completion.
    let lacking = [Condition::PartSource, Condition::CompleteToAbsent].map(|of| !system.honours(of));
    let calls = 4 + lacking.map(usize::from).iter().sum::<usize>();
    let system = system.limited(ConfirmLimits {
        timeout: Duration::from_secs(5),
        ..LIMITS
    });
    system.world.draft("a", much("bytes")).await;
    system.begin_upload_to_main("a2").await;
    system.clock.catch_up();
    system.store.crash_after(calls);
    let crashed = system.confirm("a").await;
    assert!(matches!(crashed, Err(Error::StoreUnavailable(_))), "{crashed:?}");
    system.store.restart();
    assert_eq!(system.staged().await, ["a", "a2"]);

    expire(&system.cleaner(3600), 1).await;
    let one = Brakes {
        max_delete: Some(1),
        ..Brakes::default()
    };
    let cleaner = system.cleaner_with(3600, one);
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    let expected = (0, Some(Brake::MaxDelete));
    assert_eq!((swept.deleted, swept.brake), expected, "the copy and its note are two");
    assert_eq!(system.staged().await, ["a", "a2"]);

    let cleaner = system.cleaner(3600);
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.deleted, swept.failed, swept.brake), (2, 0, None));
    assert_eq!(system.staged().await, ["a2"], "another's");
    assert_eq!(system.world.draft_keys().await, ["a"]);
    assert_eq!(system.state("a").await, much_state(Some("bytes"), None));
}

/// Its `ETag` is no sum of its bytes, so that a copy in main could not be told from one of other bytes.
async fn small_draft_that_was_uploaded_in_parts_is_staged_where_copies_have_no_condition(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft_in_parts("a", much("bytes").as_bytes()).await;
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, much_state(None, Some("bytes")));
    let calls = system.store.calls();
    let staged = calls.iter().any(|(call, _)| *call == Operation::UploadPartCopy);
    assert_eq!(staged, !system.honours(Condition::CopySource));
}
