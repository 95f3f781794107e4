//! Copies, moves and updates of confirmed objects, with faults.

use std::collections::BTreeMap;

use draftstore_service::Error;
use draftstore_service::draft::{
    ConfirmLimits, ConfirmUpload, CopyObject, DeleteObject, ObjectTransferred, UpdateObject,
};
use draftstore_storage::{ErrorKind, ListUploads, Operation};
use draftstore_testing::key;
use tokio::sync::oneshot;

use crate::ground::Ground;
use crate::system::System;

promises! {
    move_is_completed_after_a_crash_at_any_call: strong, weak, sources;
    large_move_is_completed_after_a_crash_at_any_call: strong, weak, sources;
    large_copy_has_the_bytes_and_the_metadata: strong, weak, sources;
    failed_move_is_repeated: strong, weak, sources;
    move_whose_answers_were_lost_is_done_once: strong, weak, sources;
    object_replaced_before_it_is_moved_stays: strong;
    move_that_another_server_was_faster_than_is_told: strong;
    object_created_under_the_new_name_is_kept: strong, weak, sources;
    update_whose_answer_was_lost_is_done_once: strong, weak, sources;
    updates_at_the_same_time_all_take_effect: strong, weak, sources;
}

/// Limits that the large objects of these tests exceed.
const LIMITS: ConfirmLimits = ConfirmLimits {
    max_copy_bytes: 7,
    ..ConfirmLimits::DEFAULT
};

const LARGE: &str = "large object";

impl System {
    /// Confirms these bytes under a name, in place of what is there.
    async fn keep(&self, name: &str, bytes: &'static str) {
        self.world.draft(name, bytes).await;
        self.drafts.confirm(&replace(name)).await.expect("confirmed");
    }

    async fn rename(&self) -> Result<ObjectTransferred, Error> {
        let request = CopyObject {
            object_name: "a".to_owned(),
            destination_name: "b".to_owned(),
            ..CopyObject::default()
        };
        self.drafts.move_object(&request).await
    }

    /// Returns the bytes of both objects.
    async fn both(&self) -> [Option<String>; 2] {
        let [a, b] = ["a", "b"].map(key);
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).expect("text"));
        [
            text(self.world.main_bytes(&a).await),
            text(self.world.main_bytes(&b).await),
        ]
    }
}

fn replace(name: &str) -> ConfirmUpload {
    ConfirmUpload {
        object_name: name.to_owned(),
        overwrite: true,
        ..ConfirmUpload::default()
    }
}

fn moved(bytes: &str) -> [Option<String>; 2] {
    [None, Some(bytes.to_owned())]
}

async fn move_is_completed_after_a_crash_at_any_call(ground: &Ground) {
    crash_at_any_call(ground, "small").await;
}

async fn large_move_is_completed_after_a_crash_at_any_call(ground: &Ground) {
    crash_at_any_call(ground, LARGE).await;
}

async fn crash_at_any_call(ground: &Ground, bytes: &'static str) {
    for calls in 0.. {
        let system = ground.system().await.limited(LIMITS);
        system.keep("a", bytes).await;
        system.drafts.drain().await;
        system.store.crash_after(calls);
        let crashed = system.rename().await.is_err();
        let both = system.both().await;
        assert!(
            both.iter().flatten().all(|there| there == bytes) && both != [None, None],
            "{calls}: {both:?}"
        );
        if !system.store.restart() {
            assert!(!crashed);
            assert_eq!(both, moved(bytes));
            return;
        }
        let again = system.other_server();
        let request = CopyObject {
            object_name: "a".to_owned(),
            destination_name: "b".to_owned(),
            ..CopyObject::default()
        };
        again
            .move_object(&request)
            .await
            .unwrap_or_else(|error| panic!("{calls}: {error:?}"));
        assert_eq!(system.both().await, moved(bytes), "{calls}");
    }
}

async fn large_copy_has_the_bytes_and_the_metadata(ground: &Ground) {
    let system = ground.system().await.limited(LIMITS);
    system.keep("a", LARGE).await;
    system.drafts.drain().await;
    let update = UpdateObject {
        object_name: "a".to_owned(),
        metadata: BTreeMap::from([("author".to_owned(), "ada".to_owned())]),
        ..UpdateObject::default()
    };
    system.drafts.update_object(&update).await.expect("updated");
    let before = system.store.calls().len();
    let request = CopyObject {
        object_name: "a".to_owned(),
        destination_name: "b".to_owned(),
        ..CopyObject::default()
    };
    for replayed in [false, true] {
        let copied = system.drafts.copy_object(&request).await.expect("copied");
        assert_eq!((copied.size, copied.replayed), (LARGE.len() as u64, replayed));
    }
    assert_eq!(system.both().await, [Some(LARGE.to_owned()), Some(LARGE.to_owned())]);
    let copy = system.world.storage.head(system.world.main.name(), &key("b")).await;
    let metadata = copy.expect("copied").attributes.metadata;
    assert_eq!(metadata.get("author").map(String::as_str), Some("ada"));
    let calls = system.store.calls().split_off(before);
    assert!(
        calls.iter().all(|(call, _)| *call != Operation::CopyObject),
        "copied in parts"
    );
}

async fn failed_move_is_repeated(ground: &Ground) {
    for operation in [Operation::CopyObject, Operation::DeleteObject] {
        for kind in [ErrorKind::Unavailable, ErrorKind::Conflict] {
            let system = ground.system().await;
            system.keep("a", "bytes").await;
            system.drafts.drain().await;
            system.store.fail(operation, kind);
            assert!(!system.rename().await.expect("moved").replayed);
            assert_eq!(system.both().await, moved("bytes"), "{operation} {kind}");
        }
    }
}

async fn move_whose_answers_were_lost_is_done_once(ground: &Ground) {
    for bytes in ["small", LARGE] {
        let system = ground.system().await.limited(LIMITS);
        system.keep("a", bytes).await;
        system.drafts.drain().await;
        for operation in [
            Operation::CopyObject,
            Operation::CompleteMultipartUpload,
            Operation::DeleteObject,
        ] {
            system.store.lose_the_answer(operation);
        }
        assert!(!system.rename().await.expect("moved").replayed);
        assert_eq!(system.both().await, moved(bytes));
        assert!(system.rename().await.expect("moved before").replayed);
        let (main, all) = (system.world.main.name(), ListUploads::default());
        let uploads = system
            .world
            .storage
            .list_uploads(main, &all)
            .await
            .expect("listed")
            .uploads;
        assert!(uploads.is_empty(), "{uploads:?}");
    }
}

async fn object_replaced_before_it_is_moved_stays(ground: &Ground) {
    for operation in [Operation::CopyObject, Operation::DeleteObject] {
        let system = ground.system().await;
        system.keep("a", "first").await;
        system.world.draft("a", "second").await;
        system.drafts.drain().await;
        let other = system.other_server();
        system.store.before(operation, move || async move {
            other.confirm(&replace("a")).await.expect("replaced");
        });
        let ended = system.rename().await;
        let [a, b] = system.both().await;
        if operation == Operation::CopyObject {
            // The move begins again, with what is there.
            ended.expect("moved");
            assert_eq!((a.as_deref(), b.as_deref()), (None, Some("second")));
        } else {
            assert!(matches!(ended, Err(Error::Changed)), "{ended:?}");
            assert_eq!((a.as_deref(), b.as_deref()), (Some("second"), Some("first")));
        }
    }
}

/// The other server moves or deletes the object before this one deletes what it has copied.
async fn move_that_another_server_was_faster_than_is_told(ground: &Ground) {
    for moves in [true, false] {
        let system = ground.system().await;
        system.keep("a", "bytes").await;
        system.drafts.drain().await;
        let other = system.other_server();
        system.store.before(Operation::DeleteObject, move || async move {
            if moves {
                let elsewhere = CopyObject {
                    object_name: "a".to_owned(),
                    destination_name: "c".to_owned(),
                    ..CopyObject::default()
                };
                assert!(!other.move_object(&elsewhere).await.expect("moved").replayed);
            } else {
                let delete = DeleteObject {
                    object_name: "a".to_owned(),
                    if_match: None,
                };
                assert!(other.delete_object(&delete).await.expect("deleted").etag.is_some());
            }
        });
        let ended = system.rename().await;
        assert!(matches!(ended, Err(Error::Changed)), "{ended:?}");
        assert_eq!(system.both().await, moved("bytes"), "its copy stays");
        assert!(system.rename().await.expect("the copy answers a repeat").replayed);
    }
}

async fn object_created_under_the_new_name_is_kept(ground: &Ground) {
    let system = ground.system().await;
    system.keep("a", "mine").await;
    system.keep("b", "theirs").await;
    let failed = system.rename().await;
    assert!(matches!(failed, Err(Error::AlreadyExists)), "{failed:?}");
    assert_eq!(
        system.both().await,
        [Some("mine".to_owned()), Some("theirs".to_owned())]
    );
}

async fn update_whose_answer_was_lost_is_done_once(ground: &Ground) {
    for bytes in ["small", LARGE] {
        let system = ground.system().await.limited(LIMITS);
        system.keep("a", bytes).await;
        for operation in [Operation::CopyObject, Operation::CompleteMultipartUpload] {
            system.store.lose_the_answer(operation);
        }
        let request = UpdateObject {
            object_name: "a".to_owned(),
            metadata: BTreeMap::from([("author".to_owned(), "ada".to_owned())]),
            ..UpdateObject::default()
        };
        assert!(!system.drafts.update_object(&request).await.expect("updated").replayed);
        assert!(
            system
                .drafts
                .update_object(&request)
                .await
                .expect("updated before")
                .replayed
        );
        let head = system
            .world
            .storage
            .head(system.world.main.name(), &key("a"))
            .await
            .expect("there");
        assert_eq!(head.attributes.metadata.get("author").map(String::as_str), Some("ada"));
        assert_eq!(system.both().await, [Some(bytes.to_owned()), None]);
    }
}

/// The second update begins when the first is about to copy, and goes as far as it can. It waits for the first, or it has
/// looked at the object already, and then ends before the first copies what it has seen.
async fn updates_at_the_same_time_all_take_effect(ground: &Ground) {
    let system = ground.system().await;
    system.keep("a", "bytes").await;
    system.drafts.drain().await;
    let update = |name: &str| UpdateObject {
        object_name: "a".to_owned(),
        metadata: BTreeMap::from([(name.to_owned(), "1".to_owned())]),
        ..UpdateObject::default()
    };
    let (send, receive) = oneshot::channel();
    let (drafts, store, second) = (system.drafts.clone(), system.store.clone(), update("second"));
    system.store.before(Operation::CopyObject, move || async move {
        let looks = || {
            let calls = store.calls().into_iter();
            calls
                .filter(|(operation, _)| *operation == Operation::HeadObject)
                .count()
        };
        let before = looks();
        let second = tokio::spawn(async move { drafts.update_object(&second).await });
        // On one thread, each turn lets the other tasks run until they wait.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        while looks() > before && !second.is_finished() {
            tokio::task::yield_now().await;
        }
        send.send(second).expect("the test waits for it");
    });
    system.drafts.update_object(&update("first")).await.expect("updated");
    let second = receive.await.expect("it has begun");
    second.await.expect("no panic").expect("updated");
    let main = system.world.main.name();
    let head = system.world.storage.head(main, &key("a")).await.expect("there");
    let set: Vec<_> = ["first", "second"]
        .into_iter()
        .filter(|name| head.attributes.metadata.contains_key(*name))
        .collect();
    assert_eq!(set, ["first", "second"]);
}
