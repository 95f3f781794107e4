//! Confirms of drafts that are too large for one copy, with a lower limit.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::Error;
use draftstore_service::cleaner::{Brake, Brakes, Mode};
use draftstore_service::draft::{ConfirmLimits, ConfirmUpload};
use draftstore_storage::{Condition, ErrorKind, IfDestination, ListUploads, Operation};
use draftstore_testing::key;

use crate::ground::Ground;
use crate::system::{System, expire};

/// Limits that every draft of these tests exceeds.
const LIMITS: ConfirmLimits = ConfirmLimits {
    max_copy_bytes: 2,
    ..ConfirmLimits::DEFAULT
};

promises! {
    staged_copy_is_confirmed_and_leaves_no_note_or_upload: strong, weak, garage, seaweedfs;
    lost_completion_response_is_recovered_by_the_marker: strong, weak, garage, seaweedfs;
    failed_staging_or_completion_is_retried: strong, weak, garage, seaweedfs;
    object_created_in_main_during_the_staging_wins: strong, weak, garage, seaweedfs;
    object_created_in_main_before_the_completion_wins: strong, garage, seaweedfs;
    draft_replaced_before_the_staging_is_confirmed_only_without_pins: strong, weak, garage, seaweedfs;
    overwrite_replaces_the_version_it_read: strong, weak, garage, seaweedfs;
    crash_at_any_call_is_completed_by_a_repeat: strong, weak, garage, seaweedfs;
    sweep_keeps_a_running_staged_copy: strong, weak, garage, seaweedfs;
    sweep_removes_only_abandoned_staged_copies_from_main: strong, weak, garage, seaweedfs;
    small_multipart_draft_is_staged_if_copies_have_no_conditions: strong, weak, garage, seaweedfs;
}

impl System {
    /// Returns the sorted keys of multipart uploads in main.
    async fn staged(&self) -> Vec<String> {
        let (main, all) = (self.world.main.name(), ListUploads::default());
        let page = self.world.storage.list_uploads(main, &all).await.expect("listed");
        let mut keys: Vec<_> = page.uploads.iter().map(|upload| upload.key.to_string()).collect();
        // Garage does not sort the uploads of a page.
        keys.sort();
        keys
    }

    /// Asserts that no note and no upload of a staged copy is left.
    async fn assert_nothing_staged(&self) {
        let keys = self.world.draft_keys().await;
        let notes: Vec<_> = keys.iter().filter(|key| key.starts_with(".drafts/")).collect();
        assert!(notes.is_empty(), "{notes:?}");
        assert_eq!(self.staged().await, [""; 0]);
    }

    async fn begin_upload_to_main(&self, name: &str) {
        let begin = self.world.sdk().create_multipart_upload();
        let begin = begin.bucket(self.world.main.name().as_str()).key(name);
        begin.send().await.expect("upload begun");
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

/// The number of repetitions in a large draft. Garage copies no parts of objects of less than about 3 KiB, which it
/// stores with their metadata.
const TIMES: usize = 1024;

/// The length of `much("bytes")`.
const LENGTH: u64 = 5 * TIMES as u64;

/// Returns the bytes of a large draft, repeated from a text.
fn much(of: &str) -> String {
    of.repeat(TIMES)
}

/// Creates the expected large contents of draft and main.
fn much_state(draft: Option<&str>, main: Option<&str>) -> (Option<String>, Option<String>) {
    (draft.map(much), main.map(much))
}

async fn staged_copy_is_confirmed_and_leaves_no_note_or_upload(ground: &Ground) {
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
        "copied in parts"
    );
}

async fn lost_completion_response_is_recovered_by_the_marker(ground: &Ground) {
    let system = ground.staging_system().await;
    system.world.draft("a", much("bytes")).await;
    system.store.lose_the_answer(Operation::CompleteMultipartUpload);
    assert!(!system.confirm("a").await.expect("confirmed").replayed);
    assert_eq!(system.state("a").await, much_state(None, Some("bytes")));
    system.assert_nothing_staged().await;
}

async fn failed_staging_or_completion_is_retried(ground: &Ground) {
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

async fn object_created_in_main_during_the_staging_wins(ground: &Ground) {
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

/// Garage ignores the condition, but ends every upload to a key on another write to that key.
async fn object_created_in_main_before_the_completion_wins(ground: &Ground) {
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

async fn draft_replaced_before_the_staging_is_confirmed_only_without_pins(ground: &Ground) {
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

async fn overwrite_replaces_the_version_it_read(ground: &Ground) {
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
        // The result does not matter: the repeat must complete the confirm.
        let _ = system.confirm(&name).await;
        if !system.store.restart() {
            assert!(
                calls > 6,
                "two checks, a note, a staging, a completion, the note, a check, a delete: {calls}"
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

async fn sweep_keeps_a_running_staged_copy(ground: &Ground) {
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

async fn sweep_removes_only_abandoned_staged_copies_from_main(ground: &Ground) {
    let system = ground.system().await;
    // The calls before the completion: the draft, main, a note and the staging, then the draft and main again if the
    // store ignores their conditions.
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
    assert_eq!((swept.deleted, swept.brake), expected, "the copy and its note");
    assert_eq!(system.staged().await, ["a", "a2"]);

    let cleaner = system.cleaner(3600);
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.deleted, swept.failed, swept.brake), (2, 0, None));
    assert_eq!(system.staged().await, ["a2"], "another's");
    assert_eq!(system.world.draft_keys().await, ["a"]);
    assert_eq!(system.state("a").await, much_state(Some("bytes"), None));
}

/// The `ETag` of such a draft is not a hash of its bytes, so that it cannot identify the copy in main.
async fn small_multipart_draft_is_staged_if_copies_have_no_conditions(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft_in_parts("a", much("bytes").as_bytes()).await;
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, much_state(None, Some("bytes")));
    let calls = system.store.calls();
    let staged = calls.iter().any(|(call, _)| *call == Operation::UploadPartCopy);
    assert_eq!(staged, !system.honours(Condition::CopySource));
}
