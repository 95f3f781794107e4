//! Moves of confirmed objects to other storage classes, by the store's rules and by the sweep.

use std::collections::BTreeMap;
use std::future::pending;
use std::time::{Duration, Instant};

use draftstore_service::cleaner::{Brakes, Mode, TransitionsSwept};
use draftstore_service::draft::{ConfirmLimits, ConfirmUpload, CopyObject, DeleteObject, RequestedOptions};
use draftstore_service::events::EventKind;
use draftstore_service::{Cleaner, Policy};
use draftstore_storage::{DraftBucket, ErrorKind, ListedObject, MainBucket, ObjectDescription, Operation, Transition};
use draftstore_testing::key;
use tokio::sync::oneshot;

use crate::events::{LATER, Sink, telling};
use crate::ground::Ground;
use crate::system::System;

promises! {
    old_object_moves_once_and_keeps_everything: strong, singly, seaweedfs;
    large_object_moves_in_parts: strong, seaweedfs => large_object_keeps_its_class;
    sweep_leaves_to_the_store_what_its_rules_move: strong;
    object_that_changes_meanwhile_is_not_moved: strong;
    object_in_an_archive_class_is_left: strong, seaweedfs;
    move_that_crashes_at_any_call_is_repeated: strong, seaweedfs;
    large_move_that_crashes_at_any_call_is_repeated: strong;
    staged_copy_of_a_move_that_was_killed_is_swept: strong;
    move_whose_answer_was_lost_is_made_once: strong, seaweedfs;
    failed_move_is_counted_and_made_by_the_next_sweep: strong;
    object_of_a_destination_moves_by_the_rules_of_its_bucket: strong;
    event_of_a_move_is_told_once_whatever_crashes: strong;
    object_keeps_its_class: weak, sources, garage;
    versions_keep_their_class: strong;
}

/// The size in bytes above which objects of these tests are copied in parts.
const MAX_COPY_BYTES: u64 = 7;

/// The time that a test waits for what happens in the background.
const TIMEOUT: Duration = Duration::from_secs(60);

const LARGE: &str = "large object";

const CLASS: &str = "STANDARD_IA";

fn to(class: &str) -> Transition {
    Transition {
        prefix: String::new(),
        days: 0,
        storage_class: class.to_owned(),
    }
}

impl System {
    /// Returns a cleaner that moves the objects of a bucket, as soon as they are there.
    fn moving(&self, main: &MainBucket, transitions: Vec<Transition>) -> Cleaner {
        let mut store = self.installed();
        if main != &store.buckets.main {
            store.buckets.destinations.push(main.clone());
        }
        store.buckets.transitions.insert(main.name().clone(), transitions);
        let hour = Duration::from_secs(3600);
        let policy = Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy");
        let cleaner = Cleaner::new(store, policy, Brakes::default(), self.clock.clone());
        cleaner.with_copy_limits(ConfirmLimits {
            max_copy_bytes: MAX_COPY_BYTES,
            ..ConfirmLimits::DEFAULT
        })
    }

    fn moving_all(&self) -> Cleaner {
        self.moving(&self.world.main, vec![to(CLASS)])
    }

    /// Confirms a draft with these bytes.
    async fn keep_object(&self, name: &str, bytes: &'static str) {
        self.world.draft(name, bytes).await;
        self.confirm(name).await.expect("confirmed");
        self.drafts.drain().await;
    }

    async fn described(&self, main: &MainBucket, name: &str) -> ObjectDescription {
        let described = self.world.storage.describe(main, &key(name), None).await;
        described.expect("there")
    }

    async fn class_of(&self, name: &str) -> String {
        let described = self.described(&self.world.main, name).await;
        described.storage_class.unwrap_or_else(|| "STANDARD".to_owned())
    }

    /// Returns the number of calls that made an object in main, from this call on.
    fn copies_since(&self, before: usize) -> usize {
        let calls = self.store.calls().split_off(before);
        let is_copy =
            |operation: Operation| matches!(operation, Operation::CopyObject | Operation::CompleteMultipartUpload);
        calls
            .iter()
            .filter(|(operation, bucket)| is_copy(*operation) && bucket == self.world.main.name())
            .count()
    }
}

async fn swept(cleaner: &Cleaner) -> (u64, u64, u64) {
    let swept = cleaner.sweep_transitions(Mode::Delete, &mut |_, _| {}).await;
    let TransitionsSwept { moved, failed, bytes } = swept.expect("swept");
    (moved, failed, bytes)
}

async fn old_object_moves_once_and_keeps_everything(ground: &Ground) {
    moves_once(ground, "bytes").await;
}

async fn large_object_moves_in_parts(ground: &Ground) {
    moves_once(ground, LARGE).await;
}

async fn moves_once(ground: &Ground, bytes: &'static str) {
    let system = ground.system().await;
    system.world.draft("a", bytes).await;
    let tags = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    let confirm = ConfirmUpload {
        object_name: "a".to_owned(),
        options: RequestedOptions {
            tags: tags.clone(),
            ..RequestedOptions::default()
        },
        ..ConfirmUpload::default()
    };
    system.drafts.confirm(&confirm).await.expect("confirmed");
    system.drafts.drain().await;
    let main = &system.world.main;
    let before = system.described(main, "a").await;
    let cleaner = system.moving_all();
    let mut listed = Vec::new();
    let mut list = |object: &ListedObject, class: &str| listed.push((object.key.to_string(), class.to_owned()));
    let dry = cleaner.sweep_transitions(Mode::DryRun, &mut list).await;
    assert_eq!(dry.expect("listed"), TransitionsSwept::default());
    assert_eq!(listed, [("a".to_owned(), CLASS.to_owned())]);

    let calls = system.store.calls().len();
    assert_eq!(swept(&cleaner).await, (1, 0, bytes.len() as u64));
    assert_eq!(swept(&cleaner).await, (0, 0, 0));
    assert_eq!(system.copies_since(calls), 1);
    assert_eq!(system.class_of("a").await, CLASS);
    assert_eq!(system.state("a").await, (None, Some(bytes.to_owned())));
    let kept = system.world.storage.tags(main.name(), &key("a"), None).await;
    assert_eq!(kept.expect("tags"), tags);
    let after = system.described(main, "a").await;
    assert_eq!(after.info.attributes.content_type, before.info.attributes.content_type);
    assert!(system.confirm("a").await.expect("the marker stays").replayed);
    assert_eq!(system.world.main_uploads().await, 0);
    let drafts = system.world.draft_keys().await;
    assert!(drafts.iter().all(|key| !key.contains("staging")), "{drafts:?}");
}

async fn object_keeps_its_class(ground: &Ground) {
    keeps_its_class(ground, "bytes").await;
}

/// SeaweedFS checks the condition of a completion, and acts later.
async fn large_object_keeps_its_class(ground: &Ground) {
    keeps_its_class(ground, LARGE).await;
}

async fn keeps_its_class(ground: &Ground, bytes: &'static str) {
    let system = ground.system().await;
    system.keep_object("a", bytes).await;
    let calls = system.store.calls().len();
    assert_eq!(swept(&system.moving_all()).await, (0, 0, 0));
    assert_eq!(system.copies_since(calls), 0);
    assert_eq!(system.class_of("a").await, "STANDARD");
    assert_eq!(system.state("a").await, (None, Some(bytes.to_owned())));
}

async fn versions_keep_their_class(ground: &Ground) {
    let system = ground.system().await;
    system.keep_object("a", "bytes").await;
    system.world.keep_versions().await;
    assert_eq!(swept(&system.moving_all()).await, (0, 0, 0));
    assert_eq!(system.class_of("a").await, "STANDARD");
}

async fn sweep_leaves_to_the_store_what_its_rules_move(ground: &Ground) {
    let system = ground.system().await;
    system.keep_object("a", "bytes").await;
    let (main, storage) = (&system.world.main, &system.world.storage);
    storage.put_transitions(main, &[to(CLASS)]).await.expect("set");
    let calls = system.store.calls().len();
    assert_eq!(swept(&system.moving_all()).await, (0, 0, 0));
    assert_eq!(system.copies_since(calls), 0);
    // Another transition than the store's is the sweep's.
    assert_eq!(swept(&system.moving(main, vec![to("GLACIER_IR")])).await, (1, 0, 5));
    assert_eq!(system.class_of("a").await, "GLACIER_IR");
}

async fn object_that_changes_meanwhile_is_not_moved(ground: &Ground) {
    for bytes in ["small", LARGE] {
        let copying = if bytes == LARGE {
            Operation::CompleteMultipartUpload
        } else {
            Operation::CopyObject
        };
        let system = ground.system().await;
        for name in ["replaced", "deleted", "renamed"] {
            system.keep_object(name, bytes).await;
            let (server, world) = (system.other_server(), system.world.clone());
            system.store.before(copying, move || async move {
                let object_name = name.to_owned();
                match name {
                    "replaced" => {
                        world.draft(name, "newer").await;
                        let overwrite = ConfirmUpload {
                            object_name,
                            overwrite: true,
                            ..ConfirmUpload::default()
                        };
                        server.confirm(&overwrite).await.expect("confirmed");
                        server.drain().await;
                    }
                    "deleted" => {
                        let delete = DeleteObject {
                            object_name,
                            ..DeleteObject::default()
                        };
                        server.delete_object(&delete).await.expect("deleted");
                    }
                    _ => {
                        let rename = CopyObject {
                            object_name,
                            destination_name: "other".to_owned(),
                            ..CopyObject::default()
                        };
                        server.move_object(&rename).await.expect("moved");
                    }
                }
            });
            let cleaner = system.moving(
                &system.world.main,
                vec![Transition {
                    prefix: name.to_owned(),
                    ..to(CLASS)
                }],
            );
            assert_eq!(swept(&cleaner).await, (0, 0, 0), "{name}");
        }
        assert_eq!(system.state("replaced").await.1.as_deref(), Some("newer"));
        assert_eq!(system.class_of("replaced").await, "STANDARD");
        assert_eq!(system.state("deleted").await.1, None);
        assert_eq!(system.state("renamed").await.1, None);
        assert_eq!(system.state("other").await.1.as_deref(), Some(bytes));
        assert_eq!(system.world.main_uploads().await, 0);
    }
}

async fn object_in_an_archive_class_is_left(ground: &Ground) {
    let system = ground.system().await;
    system.keep_object("a", "bytes").await;
    assert_eq!(
        swept(&system.moving(&system.world.main, vec![to("GLACIER")])).await,
        (1, 0, 5)
    );
    let calls = system.store.calls().len();
    assert_eq!(
        swept(&system.moving(&system.world.main, vec![to("DEEP_ARCHIVE")])).await,
        (0, 0, 0)
    );
    assert_eq!(system.copies_since(calls), 0);
    assert_eq!(system.class_of("a").await, "GLACIER");
}

async fn move_that_crashes_at_any_call_is_repeated(ground: &Ground) {
    crash_at_any_call(ground, "small").await;
}

async fn large_move_that_crashes_at_any_call_is_repeated(ground: &Ground) {
    crash_at_any_call(ground, LARGE).await;
}

async fn crash_at_any_call(ground: &Ground, bytes: &'static str) {
    for calls in 0.. {
        let system = ground.system().await;
        system.keep_object("a", bytes).await;
        let cleaner = system.moving_all();
        system.store.crash_after(calls);
        // The error is that of the crash.
        let first = cleaner.sweep_transitions(Mode::Delete, &mut |_, _| {}).await;
        let crashed = system.store.restart();
        assert_eq!(system.state("a").await, (None, Some(bytes.to_owned())), "{calls}");
        if !crashed {
            assert_eq!(first.expect("swept").moved, 1);
            return;
        }
        let was_moved = system.class_of("a").await == CLASS;
        assert_eq!(swept(&system.moving_all()).await.0, u64::from(!was_moved), "{calls}");
        assert_eq!(system.class_of("a").await, CLASS, "{calls}");
        assert_eq!(system.state("a").await, (None, Some(bytes.to_owned())), "{calls}");
        assert!(system.confirm("a").await.expect("the marker stays").replayed, "{calls}");
    }
}

async fn staged_copy_of_a_move_that_was_killed_is_swept(ground: &Ground) {
    let system = ground.system().await;
    system.keep_object("a", LARGE).await;
    let cleaner = system.moving_all().with_copy_limits(ConfirmLimits {
        max_copy_bytes: MAX_COPY_BYTES,
        timeout: Duration::from_secs(1),
        ..ConfirmLimits::DEFAULT
    });
    let (arrived, completes) = oneshot::channel();
    system
        .store
        .before(Operation::CompleteMultipartUpload, move || async move {
            let _ = arrived.send(());
            pending::<()>().await;
        });
    let mut ignore = |_: &ListedObject, _: &str| {};
    tokio::select! {
        _ = cleaner.sweep_transitions(Mode::Delete, &mut ignore) => panic!("not killed"),
        arrived = completes => arrived.expect("in parts"),
    }
    assert_eq!(system.world.main_uploads().await, 1);
    let begun = Instant::now();
    while system.world.main_uploads().await > 0 {
        assert!(begun.elapsed() < TIMEOUT, "not swept");
        cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    }
    assert_eq!(system.class_of("a").await, "STANDARD");
    assert_eq!(swept(&system.moving_all()).await, (1, 0, LARGE.len() as u64));
}

async fn move_whose_answer_was_lost_is_made_once(ground: &Ground) {
    let system = ground.system().await;
    system.keep_object("a", "bytes").await;
    let calls = system.store.calls().len();
    system.store.lose_the_answer(Operation::CopyObject);
    assert_eq!(swept(&system.moving_all()).await, (1, 0, 5));
    assert_eq!(system.copies_since(calls), 1);
}

async fn failed_move_is_counted_and_made_by_the_next_sweep(ground: &Ground) {
    let system = ground.system().await;
    system.keep_object("a", "bytes").await;
    system.keep_object("b", "bytes").await;
    system.store.fail(Operation::CopyObject, ErrorKind::CredentialsRefused);
    let cleaner = system.moving_all();
    assert_eq!(swept(&cleaner).await, (1, 1, 5));
    assert_eq!(swept(&cleaner).await, (1, 0, 5));
    system.store.fail(
        Operation::GetBucketLifecycleConfiguration,
        ErrorKind::CredentialsRefused,
    );
    let refused = cleaner.sweep_transitions(Mode::Delete, &mut |_, _| {}).await;
    assert_eq!(
        refused.expect_err("not known what is the store's").kind,
        ErrorKind::CredentialsRefused
    );
}

async fn object_of_a_destination_moves_by_the_rules_of_its_bucket(ground: &Ground) {
    let system = ground.system().await;
    system.keep_object("a", LARGE).await;
    let name = format!("{}-more", system.world.main.name()).parse().expect("a name");
    system.world.storage.create_bucket(&name).await.expect("created");
    let pair = DraftBucket::pair(system.world.draft.name().clone(), name);
    let (_, more) = pair.expect("the names differ");
    let put = system
        .world
        .sdk()
        .put_object()
        .bucket(more.name().as_str())
        .key("kept/b");
    put.body(LARGE.as_bytes().to_vec().into()).send().await.expect("put");
    assert_eq!(
        swept(&system.moving(&more, vec![to(CLASS)])).await,
        (1, 0, LARGE.len() as u64)
    );
    let moved = system.described(&more, "kept/b").await;
    assert_eq!(moved.storage_class.as_deref(), Some(CLASS));
    assert_eq!(system.class_of("a").await, "STANDARD");
}

async fn event_of_a_move_is_told_once_whatever_crashes(ground: &Ground) {
    let sink = Sink::wanting("shop", None, &[EventKind::ObjectUpdated]);
    for calls in 0.. {
        let system = ground.system().await;
        system.keep_object("acme/a", "bytes").await;
        // The server notes what its endpoints want.
        telling(&system.other_server(), &[&sink]).deliver_pending().await;
        let before = sink.names().len();
        let cleaner = system.moving_all();
        system.store.crash_after(calls);
        // The error is that of the crash.
        let _ = cleaner.sweep_transitions(Mode::Delete, &mut |_, _| {}).await;
        let crashed = system.store.restart();
        swept(&cleaner).await;
        system.clock.advance(LATER * 2);
        let server = telling(&system.other_server(), &[&sink]);
        server.deliver_pending().await;
        server.deliver_pending().await;
        assert_eq!(system.class_of("acme/a").await, CLASS);
        assert_eq!(sink.names().len() - before, 1, "after {calls} calls");
        let (_, event) = sink.received().pop().expect("an event");
        assert_eq!(
            (&event["data"]["object_name"], &event["data"]["tenant"]),
            (&"a".into(), &"acme".into())
        );
        assert_eq!(
            (&event["data"]["size"], event["data"]["etag"].is_string()),
            (&5.into(), true)
        );
        assert_eq!(system.pending().await, 0);
        if !crashed {
            return;
        }
    }
}
