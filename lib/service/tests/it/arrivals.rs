//! Events of what happens to drafts without a call: uploads that finish, and drafts that expire.

use std::sync::Arc;

use draftstore_service::cleaner::{Cleaner, Mode, Summary};
use draftstore_service::draft::{CompleteMultipart, ConfirmUpload};
use draftstore_service::events::EventKind;
use draftstore_service::{Error, Missing};
use draftstore_storage::Operation;
use draftstore_testing::key;
use tokio::time::Instant;

use crate::events::{LATER, Sink, telling};
use crate::ground::Ground;
use crate::idle::{draft, leave, sweep, system};
use crate::system::{LONG_AGO, System, expire, unique};

promises! {
    completed_upload_is_told_of_with_one_id: strong, weak, garage, seaweedfs;
    sweep_leaves_the_event_of_a_completed_upload_to_a_server: strong, weak, garage, seaweedfs;
    sweep_that_crashes_tells_of_each_upload_it_completed: strong, weak;
    expired_draft_is_told_of_to_its_tenant: strong, singly, weak, garage, seaweedfs;
    sweep_that_crashes_tells_of_each_draft_it_deleted: strong, singly, weak;
    confirmed_draft_that_was_left_does_not_expire: strong, weak;
    confirm_elsewhere_after_a_crashed_sweep_is_no_expiry: strong, weak;
    sweep_makes_no_call_for_events_that_nobody_wants: strong;
    draft_whose_event_cannot_be_written_is_left: strong, weak;
}

fn sink(kind: EventKind) -> Arc<Sink> {
    Sink::wanting("shop", None, &[kind])
}

/// Lets a server say which events are wanted, resolve what is left, and deliver it.
async fn settle(system: &System, sink: &Arc<Sink>) {
    let server = telling(&system.other_server(), &[sink]);
    for _ in 0..2 {
        system.clock.advance(LATER * 2);
        server.deliver_pending().await;
    }
    assert_eq!(system.pending().await, 0, "nothing is left");
    system.clock.catch_up();
}

async fn completed_upload_is_told_of_with_one_id(ground: &Ground) {
    let sink = sink(EventKind::DraftUploaded);
    let system = system(ground).await.telling(&[&sink]);
    let upload = leave(&system, true).await;
    let complete = CompleteMultipart {
        upload: upload.clone(),
        parts: Vec::new(),
    };
    for _ in 0..2 {
        system.drafts.complete_multipart(&complete).await.expect("completed");
    }
    let [(id, event)] = &sink.received()[..] else {
        panic!("one event");
    };
    let data = &event["data"];
    assert_eq!(event["type"], "draft.uploaded");
    assert_eq!(
        (&data["object_name"], &data["content_type"]),
        (&"film".into(), &"video/mp4".into())
    );
    assert_eq!(data["draft_id"].as_str(), upload.draft_id.as_deref());
    assert_eq!(data["metadata"]["author"], "ada");
    let other = telling(&system.other_server(), &[&sink]);
    assert_eq!(data["size"], 5 * 1024 * 1024 + 4);
    let ulid = upload.draft_id.as_deref().expect("a unique draft");
    let list = draftstore_storage::ListObjects::default();
    let listed = system
        .world
        .storage
        .list(system.world.draft.name(), &list)
        .await
        .expect("listed");
    let stored = listed
        .objects
        .iter()
        .find(|object| object.key.as_str().contains(ulid))
        .expect("there");
    let bucket = system.world.draft.name().as_str();
    other
        .look_at(bucket, stored.key.as_str(), Instant::now())
        .await
        .expect("looked at");
    assert_eq!(
        sink.names().keys().collect::<Vec<_>>(),
        [id],
        "a notification has the same event"
    );
}

async fn sweep_leaves_the_event_of_a_completed_upload_to_a_server(ground: &Ground) {
    let sink = sink(EventKind::DraftUploaded);
    let system = system(ground).await;
    settle(&system, &sink).await;
    leave(&system, true).await;
    assert_eq!(sweep(&system).await.completed, 1);
    assert_eq!((system.pending().await, sink.attempts()), (1, 0));
    settle(&system, &sink).await;
    let received = sink.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].1["data"]["object_name"], "film");
}

async fn sweep_that_crashes_tells_of_each_upload_it_completed(ground: &Ground) {
    for calls in 0.. {
        let sink = sink(EventKind::DraftUploaded);
        let system = system(ground).await;
        settle(&system, &sink).await;
        let upload = leave(&system, true).await;
        system.store.crash_after(calls);
        let cleaner = system.completing_cleaner(std::time::Duration::ZERO);
        let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await;
        let crashed = system.store.restart();
        // A server that completes uploads would complete this one.
        let seen = system.other_server().inspect(&draft(&upload)).await;
        let happened = seen.is_ok_and(|seen| seen.uploaded.is_some());
        settle(&system, &sink).await;
        assert_eq!(sink.names().len(), usize::from(happened), "after {calls} calls");
        if !crashed {
            assert_eq!(swept.expect("swept").completed, 1);
            break;
        }
    }
}

/// Uploads a named draft of a tenant and a unique one, and waits until both have expired.
async fn expired(system: &System) -> (Cleaner, String) {
    let (id, whole_key) = unique(LONG_AGO, 1);
    system.world.draft("acme/a", "bytes").await;
    system.world.draft(&whole_key, "unique").await;
    let cleaner = system.cleaner(1);
    expire(&cleaner, 2).await;
    (cleaner, id)
}

async fn swept(cleaner: &Cleaner) -> Summary {
    cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept")
}

async fn expired_draft_is_told_of_to_its_tenant(ground: &Ground) {
    let (all, acme) = (
        sink(EventKind::DraftExpired),
        Sink::wanting("acme", Some("acme"), &[EventKind::DraftExpired]),
    );
    let system = ground.system().await;
    settle(&system, &all).await;
    let (cleaner, id) = expired(&system).await;
    assert_eq!(swept(&cleaner).await.deleted, 2);
    assert_eq!(system.pending().await, 2);
    // The named draft is uploaded again before anybody is told.
    system.world.draft("acme/a", "again").await;
    let server = telling(&system.other_server(), &[&all, &acme]);
    system.clock.advance(LATER * 2);
    server.deliver_pending().await;
    assert_eq!(system.pending().await, 0);
    let mut received = all.received();
    received.sort_by_key(|(_, event)| event["data"]["object_name"].to_string());
    let [(_, named), (_, of_unique)] = &received[..] else {
        panic!("two events: {received:?}");
    };
    assert_eq!(
        (&named["type"], &named["subject"]),
        (&"draft.expired".into(), &"a".into())
    );
    assert_eq!(
        (&named["data"]["tenant"], &named["data"]["size"]),
        (&"acme".into(), &5.into())
    );
    assert_eq!(of_unique["data"]["draft_id"], id);
    assert_eq!(of_unique["data"]["tenant"], serde_json::Value::Null);
    assert_eq!(acme.names().into_values().collect::<Vec<_>>(), ["a"]);
}

async fn sweep_that_crashes_tells_of_each_draft_it_deleted(ground: &Ground) {
    let sink = sink(EventKind::DraftExpired);
    for calls in 0.. {
        let system = ground.system().await;
        settle(&system, &sink).await;
        let (cleaner, _) = expired(&system).await;
        let before = sink.names().len();
        system.store.crash_after(calls);
        let first = cleaner.sweep(Mode::Delete, &mut |_| {}).await;
        let crashed = system.store.restart();
        if crashed {
            swept(&cleaner).await;
        } else {
            assert_eq!(first.expect("swept").deleted, 2);
        }
        settle(&system, &sink).await;
        assert_eq!(sink.names().len() - before, 2, "after {calls} calls");
        if !crashed {
            break;
        }
    }
}

async fn confirmed_draft_that_was_left_does_not_expire(ground: &Ground) {
    let sink = sink(EventKind::DraftExpired);
    let system = ground.system().await;
    settle(&system, &sink).await;
    system.world.draft("a", "bytes").await;
    system.confirm("a").await.expect("confirmed");
    system.drafts.drain().await;
    // A crash has left the draft.
    system.world.draft("a", "bytes").await;
    let cleaner = system.cleaner(1);
    expire(&cleaner, 1).await;
    swept(&cleaner).await;
    assert_eq!(system.world.draft_bytes(&key("a")).await, None);
    settle(&system, &sink).await;
    assert_eq!(sink.attempts(), 0);
}

async fn confirm_elsewhere_after_a_crashed_sweep_is_no_expiry(ground: &Ground) {
    for calls in 0.. {
        let sink = sink(EventKind::DraftExpired);
        let system = ground.system().await;
        settle(&system, &sink).await;
        let (cleaner, id) = expired(&system).await;
        system.store.crash_after(calls);
        let _swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await;
        let crashed = system.store.restart();
        let server = telling(&system.other_server(), &[&sink]);
        let mut confirmed = 0;
        for (name, draft_id) in [("acme/a", None), ("file.jpg", Some(id))] {
            let confirm = ConfirmUpload {
                object_name: name.to_owned(),
                draft_id,
                destination_name: Some(format!("kept/{name}")),
                ..ConfirmUpload::default()
            };
            match server.confirm(&confirm).await {
                Ok(_) => confirmed += 1,
                Err(error) => assert!(matches!(error, Error::NotFound(Missing::Draft)), "{error:?}"),
            }
        }
        server.drain().await;
        settle(&system, &sink).await;
        assert_eq!(sink.names().len(), 2 - confirmed, "after {calls} calls");
        if !crashed {
            break;
        }
    }
}

async fn sweep_makes_no_call_for_events_that_nobody_wants(ground: &Ground) {
    let system = ground.system().await;
    let (cleaner, _) = expired(&system).await;
    let before = system.store.calls().len();
    assert_eq!(swept(&cleaner).await.deleted, 2);
    let calls = system.store.calls().split_off(before);
    let heads = calls.iter().filter(|(call, _)| *call == Operation::HeadObject).count();
    assert_eq!(heads, 2, "of the notes that say what is wanted: {calls:?}");
    assert!(calls.iter().all(|(call, _)| *call != Operation::PutObject), "{calls:?}");
}

async fn draft_whose_event_cannot_be_written_is_left(ground: &Ground) {
    let sink = sink(EventKind::DraftExpired);
    let system = ground.system().await;
    settle(&system, &sink).await;
    let (cleaner, _) = expired(&system).await;
    for _ in 0..2 {
        system
            .store
            .fail(Operation::PutObject, draftstore_storage::ErrorKind::CredentialsRefused);
    }
    let first = swept(&cleaner).await;
    assert_eq!((first.deleted, first.failed), (0, 2));
    assert!(system.world.draft_bytes(&key("acme/a")).await.is_some());
    assert_eq!(swept(&cleaner).await.deleted, 2);
    settle(&system, &sink).await;
    assert_eq!(sink.names().len(), 2);
}
