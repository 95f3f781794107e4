//! The events of acts, which are stored before the act.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use draftstore_service::draft::{
    CheckState, ConfirmUpload, CopyObject, DeleteObject, DeleteVersion, DraftName, ListVersions, RestoreVersion,
    UpdateObject, VersionListed,
};
use draftstore_service::events::{EventKind, Outcome};
use draftstore_service::{Drafts, Error};
use draftstore_storage::{ErrorKind, Operation};
use draftstore_testing::key;

use crate::checks::{BAD, GOOD, TYPES, checking, upload};
use crate::events::{FAILED, LATER, Sink, telling};
use crate::feed::read_all;
use crate::ground::Ground;
use crate::system::System;

promises! {
    act_is_answered_after_its_event: strong, weak;
    act_makes_no_call_for_events_that_no_endpoint_wants: strong, weak;
    act_that_crashes_after_any_call_is_told_of_if_it_happened: strong, weak;
    act_whose_answers_were_lost_has_one_event: strong, weak;
    act_whose_event_cannot_be_written_down_does_not_happen: strong, weak;
    refused_act_has_no_event: strong;
    repeated_act_has_no_other_event: strong, weak, sources;
    confirm_after_a_crashed_discard_is_no_discard: strong, weak;
    delete_is_told_of_although_another_object_is_there: strong, weak;
    events_of_a_batch_are_sent_side_by_side: strong, weak;
    repeat_after_a_crash_is_answered_after_the_event: strong, weak;
}

/// A kind of act, on the draft or the object `a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Accept,
    Reject,
    Discard,
    Delete,
    DeleteMany,
    Update,
    Copy,
    Move,
    Restore,
    DeleteVersion,
}

impl Act {
    const ALL: [Self; 10] = [
        Self::Accept,
        Self::Reject,
        Self::Discard,
        Self::Delete,
        Self::DeleteMany,
        Self::Update,
        Self::Copy,
        Self::Move,
        Self::Restore,
        Self::DeleteVersion,
    ];

    fn kind(self) -> EventKind {
        match self {
            Self::Accept => EventKind::DraftAccepted,
            Self::Reject => EventKind::DraftRejected,
            Self::Discard => EventKind::DraftDiscarded,
            Self::Delete | Self::DeleteMany => EventKind::ObjectDeleted,
            Self::Update => EventKind::ObjectUpdated,
            Self::Copy => EventKind::ObjectCopied,
            Self::Move => EventKind::ObjectMoved,
            Self::Restore => EventKind::ObjectRestored,
            Self::DeleteVersion => EventKind::ObjectVersionDeleted,
        }
    }

    /// Creates what the act is done to.
    async fn prepare(self, system: &System) {
        match self {
            Self::Accept => upload(system, "a", GOOD).await,
            Self::Reject => upload(system, "a", BAD).await,
            Self::Discard => drop(system.world.draft("a", "bytes").await),
            Self::Restore | Self::DeleteVersion => {
                system.world.keep_versions().await;
                keep(system, "a").await;
                let deleted = system.drafts.delete_object(&delete("a")).await.expect("deleted");
                assert!(deleted.version_id.is_some());
            }
            Self::DeleteMany => {
                keep(system, "a").await;
                keep(system, "b").await;
            }
            Self::Delete | Self::Update | Self::Copy | Self::Move => keep(system, "a").await,
        }
        system.drafts.drain().await;
    }

    async fn perform(self, drafts: &Drafts) -> Result<(), Error> {
        let copy = CopyObject {
            object_name: "a".to_owned(),
            destination_name: "c".to_owned(),
            ..CopyObject::default()
        };
        match self {
            Self::Accept | Self::Reject => {
                let checked = checking(drafts, TYPES).check(&draft()).await?;
                assert!(checked.state.is_some());
            }
            Self::Discard => assert!(drafts.discard(&draft()).await?),
            Self::Delete => drop(drafts.delete_object(&delete("a")).await?),
            Self::DeleteMany => {
                let deleted = drafts.delete_objects(&[delete("a"), delete("b")]).await?;
                deleted.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
            Self::Update => {
                let update = UpdateObject {
                    object_name: "a".to_owned(),
                    content_type: Some("image/png".to_owned()),
                    ..UpdateObject::default()
                };
                drafts.update_object(&update).await?;
            }
            Self::Copy => drop(drafts.copy_object(&copy).await?),
            Self::Move => drop(drafts.move_object(&copy).await?),
            Self::Restore => {
                let restore = RestoreVersion {
                    object_name: "a".to_owned(),
                    ..RestoreVersion::default()
                };
                drafts.restore_version(&restore).await?;
            }
            Self::DeleteVersion => {
                let versions = versions(drafts).await?;
                let with_bytes = versions.iter().find(|version| version.bytes.is_some());
                let delete = DeleteVersion {
                    object_name: "a".to_owned(),
                    version_id: with_bytes.expect("a version").version_id.as_str().to_owned(),
                };
                drafts.delete_version(&delete).await?;
            }
        }
        Ok(())
    }

    /// Returns the number of acts that have happened, as the store shows them.
    async fn count(self, system: &System) -> usize {
        let is_there = async |name| system.world.main_bytes(&key(name)).await.is_some();
        let happened = match self {
            Self::Accept | Self::Reject => {
                let seen = checking(&system.other_server(), TYPES).inspect(&draft()).await;
                let state = seen.expect("there").checks;
                matches!(state, Some(CheckState::Accepted { .. } | CheckState::Rejected { .. }))
            }
            Self::Discard => system.world.draft_bytes(&key("a")).await.is_none(),
            Self::DeleteMany => {
                return usize::from(!is_there("a").await) + usize::from(!is_there("b").await);
            }
            Self::Delete => !is_there("a").await,
            Self::Update => {
                let head = system.world.storage.head(system.world.main.name(), &key("a")).await;
                head.expect("there").attributes.content_type.as_deref() == Some("image/png")
            }
            Self::Copy => is_there("c").await,
            Self::Move => is_there("c").await && !is_there("a").await,
            Self::Restore => is_there("a").await,
            Self::DeleteVersion => {
                let left = versions(&system.other_server()).await.expect("listed");
                left.iter().all(|version| version.bytes.is_none())
            }
        };
        usize::from(happened)
    }

    fn all(self) -> usize {
        if self == Self::DeleteMany { 2 } else { 1 }
    }
}

fn draft() -> DraftName {
    DraftName {
        object_name: "a".to_owned(),
        draft_id: None,
    }
}

fn delete(name: &str) -> DeleteObject {
    DeleteObject {
        object_name: name.to_owned(),
        if_match: None,
    }
}

async fn versions(drafts: &Drafts) -> Result<Vec<VersionListed>, Error> {
    let list = ListVersions {
        object_name: "a".to_owned(),
        ..ListVersions::default()
    };
    Ok(drafts.list_versions(&list).await?.versions)
}

async fn keep(system: &System, name: &str) {
    system.world.draft(name, "bytes").await;
    system.confirm(name).await.expect("confirmed");
}

fn sink(name: &str) -> Arc<Sink> {
    let kinds = EventKind::ALL.iter().copied();
    let kinds: Vec<_> = kinds.filter(|kind| *kind != EventKind::DraftConfirmed).collect();
    Sink::wanting(name, None, &kinds)
}

/// Lets a new server resolve what is left, and deliver it.
async fn settle(system: &System, sinks: &[&Arc<Sink>]) {
    let restarted = telling(&system.other_server(), sinks).with_feed();
    for _ in 0..2 {
        system.clock.advance(LATER * 2);
        restarted.deliver_pending().await;
    }
    assert_eq!(system.pending().await, 0, "nothing is left");
}

async fn act_is_answered_after_its_event(ground: &Ground) {
    for act in Act::ALL {
        let system = ground.system().await;
        act.prepare(&system).await;
        let sink = sink("shop");
        let drafts = telling(&system.drafts, &[&sink]);
        act.perform(&drafts).await.expect("done");
        let received = sink.received();
        assert_eq!(received.len(), act.all(), "{act:?}: {received:?}");
        assert_eq!(system.pending().await, 0, "{act:?}");
        let (id, event) = &received[0];
        assert_eq!(
            (&event["type"], &event["id"]),
            (&act.kind().as_str().into(), &id.to_string().into())
        );
        let name = if matches!(act, Act::Copy | Act::Move) { "c" } else { "a" };
        let data = &event["data"];
        assert_eq!((&event["subject"], &data["object_name"]), (&name.into(), &name.into()));
        let size = match act {
            Act::Accept => GOOD.len(),
            Act::Reject => BAD.len(),
            Act::Discard
            | Act::Delete
            | Act::DeleteMany
            | Act::Update
            | Act::Copy
            | Act::Move
            | Act::Restore
            | Act::DeleteVersion => "bytes".len(),
        };
        assert_eq!(data["size"], size, "{event}");
        assert!(data["etag"].is_string(), "{event}");
        let own = match act {
            Act::Reject => data["reasons"][0]["check"] == "type",
            Act::Accept | Act::Discard => data["draft_name"] == "a",
            Act::Copy | Act::Move => data["source_name"] == "a",
            Act::Update => data["content_type"] == "image/png",
            Act::Restore | Act::DeleteVersion => data["version_id"].is_string(),
            Act::Delete | Act::DeleteMany => data.get("source_name").is_none(),
        };
        assert!(own, "{event}");
    }
}

async fn act_makes_no_call_for_events_that_no_endpoint_wants(ground: &Ground) {
    for act in Act::ALL {
        let mut calls = Vec::new();
        let others = Sink::wanting("others", None, &[EventKind::DraftConfirmed]);
        let own = Sink::wanting("own", None, &[act.kind()]);
        for (sinks, feeds) in [(&[][..], false), (&[&others], false), (&[&own], false), (&[], true)] {
            let system = ground.system().await;
            act.prepare(&system).await;
            let drafts = telling(&system.drafts, sinks);
            let drafts = if feeds { drafts.with_feed() } else { drafts };
            system.clock.catch_up();
            let before = system.store.calls().len();
            act.perform(&drafts).await.expect("done");
            let made = system.store.calls().split_off(before).into_iter();
            calls.push(made.map(|(call, _)| call.to_string()).collect::<Vec<_>>());
        }
        assert_eq!(calls[0], calls[1], "{act:?}");
        let mut expected = calls[0].clone();
        for _ in 0..act.all() {
            expected.extend([Operation::PutObject, Operation::DeleteObject].map(|call| call.to_string()));
        }
        if matches!(act, Act::Copy | Act::Move | Act::DeleteVersion) {
            expected.push(Operation::HeadObject.to_string());
        }
        expected.sort();
        calls[2].sort();
        assert_eq!(calls[2], expected, "{act:?}: a note is written and deleted");
        expected.extend((0..act.all()).map(|_| Operation::PutObject.to_string()));
        expected.sort();
        calls[3].sort();
        assert_eq!(calls[3], expected, "{act:?}: one object for the feed");
    }
}

async fn act_that_crashes_after_any_call_is_told_of_if_it_happened(ground: &Ground) {
    for act in Act::ALL {
        for calls in 0.. {
            let [working, away] = [sink("working"), sink("away")];
            away.answers(FAILED);
            let system = ground.system().await;
            act.prepare(&system).await;
            let drafts = telling(&system.drafts, &[&working, &away]).with_feed();
            system.store.crash_after(calls);
            let answered = act.perform(&drafts).await.is_ok();
            drafts.drain().await;
            let crashed = system.store.restart();
            let happened = act.count(&system).await;
            if answered && !matches!(act, Act::Accept | Act::Reject) {
                assert_eq!(happened, act.all(), "{act:?} after {calls} calls");
            }
            away.answers(Outcome::Delivered);
            settle(&system, &[&working, &away]).await;
            for sink in [&working, &away] {
                assert_eq!(sink.names().len(), happened, "{act:?} after {calls} calls");
            }
            let fed: BTreeSet<_> = read_all(&drafts).await.iter().map(|event| event.id).collect();
            let told = working.names().into_keys().collect();
            assert_eq!(fed, told, "{act:?} after {calls} calls: the feed");
            if !crashed {
                assert!(answered);
                break;
            }
        }
    }
}

async fn act_whose_answers_were_lost_has_one_event(ground: &Ground) {
    for act in Act::ALL {
        for lost in [
            Operation::PutObject,
            Operation::DeleteObject,
            Operation::DeleteObjects,
            Operation::CopyObject,
        ] {
            let sink = sink("shop");
            let system = ground.system().await;
            act.prepare(&system).await;
            let drafts = telling(&system.drafts, &[&sink]);
            system.store.lose_the_answer(lost);
            if let Err(error) = act.perform(&drafts).await {
                assert!(matches!(error, Error::StoreUnavailable(_)), "{act:?} {lost}: {error}");
            }
            // A discard that has happened would say that there is none.
            if act.count(&system).await < act.all() {
                act.perform(&drafts).await.expect("repeated");
            }
            drafts.drain().await;
            settle(&system, &[&sink]).await;
            let happened = act.count(&system).await;
            assert_eq!((sink.names().len(), happened), (happened, act.all()), "{act:?} {lost}");
        }
    }
}

async fn act_whose_event_cannot_be_written_down_does_not_happen(ground: &Ground) {
    for act in Act::ALL {
        let sink = sink("shop");
        let system = ground.system().await;
        act.prepare(&system).await;
        let drafts = telling(&system.drafts, &[&sink]);
        for _ in 0..20 {
            system.store.fail(Operation::PutObject, ErrorKind::Unavailable);
        }
        let result = act.perform(&drafts).await;
        assert_eq!(
            result.is_err(),
            !matches!(act, Act::Accept | Act::Reject),
            "{act:?}: a verdict is true although it is not recorded"
        );
        assert_eq!((act.count(&system).await, sink.attempts()), (0, 0), "{act:?}");
    }
}

async fn refused_act_has_no_event(ground: &Ground) {
    let sink = sink("shop");
    let system = ground.system().await.telling(&[&sink]);
    keep(&system, "a").await;
    system
        .store
        .fail(Operation::DeleteObject, ErrorKind::CredentialsRefused);
    let deleted = system.drafts.delete_object(&delete("a")).await;
    assert!(matches!(deleted, Err(Error::DeletesNotPermitted(_))), "{deleted:?}");
    assert_eq!((sink.attempts(), system.pending().await), (0, 0));
    let none = system
        .drafts
        .delete_object(&delete("none"))
        .await
        .expect("nothing there");
    assert_eq!((none.etag, sink.attempts()), (None, 0));
}

async fn confirm_after_a_crashed_discard_is_no_discard(ground: &Ground) {
    for destination_name in [None, Some("elsewhere".to_owned())] {
        let sink = sink("shop");
        let system = ground.system().await.telling(&[&sink]);
        system.world.draft("a", "bytes").await;
        // The look at the draft, and the note.
        system.store.crash_after(2);
        system.drafts.discard(&draft()).await.expect_err("crashed");
        assert!(system.store.restart());
        assert_eq!(system.pending().await, 1);
        let confirm = ConfirmUpload {
            object_name: "a".to_owned(),
            destination_name,
            ..ConfirmUpload::default()
        };
        let restarted = telling(&system.other_server(), &[&sink]);
        restarted.confirm(&confirm).await.expect("confirmed");
        restarted.drain().await;
        assert_eq!(system.state("a").await.0, None, "the draft is gone");
        settle(&system, &[&sink]).await;
        assert_eq!(sink.attempts(), 0);
    }
}

/// Neither the endpoint nor the store takes the event before another object has the name.
async fn delete_is_told_of_although_another_object_is_there(ground: &Ground) {
    let sink = sink("shop");
    sink.answers(FAILED);
    let system = ground.system().await.telling(&[&sink]);
    keep(&system, "a").await;
    let store = Arc::clone(&system.store);
    system.store.before(Operation::DeleteObject, || async move {
        store.fail(Operation::PutObject, ErrorKind::Unavailable);
    });
    let deleted = system.drafts.delete_object(&delete("a")).await.expect("deleted");
    assert!(deleted.etag.is_some());
    assert_eq!(system.pending().await, 1, "the note is left");
    system.world.draft("a", "another's").await;
    system.confirm("a").await.expect("confirmed");
    sink.answers(Outcome::Delivered);
    system.clock.advance(LATER * 2);
    system.drafts.deliver_pending().await;
    assert_eq!(sink.names().len(), 1);
    assert_eq!(system.pending().await, 0);
}

/// No answer of the endpoint comes before it has all events.
async fn events_of_a_batch_are_sent_side_by_side(ground: &Ground) {
    let sink = sink("shop");
    let system = ground.system().await.telling(&[&sink]);
    let names = ["a", "b", "c"];
    for name in names {
        keep(&system, name).await;
    }
    let silence = sink.silence.lock().await;
    let drafts = system.drafts.clone();
    let deleting = tokio::spawn(async move { drafts.delete_objects(&names.map(delete)).await });
    while sink.attempts() < names.len() {
        assert!(!deleting.is_finished(), "{} events", sink.attempts());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(silence);
    let deleted = deleting.await.expect("no panic").expect("outcomes");
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    system.drafts.drain().await;
    settle(&system, &[&sink]).await;
    assert_eq!(sink.names().len(), names.len());
}

async fn repeat_after_a_crash_is_answered_after_the_event(ground: &Ground) {
    for act in [Act::Update, Act::Copy, Act::Move, Act::Restore] {
        for calls in 0.. {
            let sink = sink("shop");
            let system = ground.system().await;
            act.prepare(&system).await;
            let drafts = telling(&system.drafts, &[&sink]);
            system.store.crash_after(calls);
            let answered = act.perform(&drafts).await.is_ok();
            drafts.drain().await;
            let crashed = system.store.restart();
            if !answered {
                let restarted = telling(&system.other_server(), &[&sink]);
                act.perform(&restarted).await.expect("repeated");
                restarted.drain().await;
            }
            assert_eq!(sink.names().len(), 1, "{act:?} after {calls} calls");
            if !crashed {
                break;
            }
        }
    }
}

async fn repeated_act_has_no_other_event(ground: &Ground) {
    for act in [
        Act::Delete,
        Act::DeleteMany,
        Act::Update,
        Act::Copy,
        Act::Move,
        Act::Restore,
    ] {
        let sink = sink("shop");
        let system = ground.system().await.telling(&[&sink]);
        act.prepare(&system).await;
        let before = sink.attempts();
        for _ in 0..2 {
            // The second undo of a delete finds the object.
            let result = act.perform(&system.drafts).await;
            assert!(result.is_ok() || act == Act::Restore, "{act:?}: {result:?}");
        }
        assert_eq!(sink.attempts() - before, act.all(), "{act:?}");
        assert_eq!(system.pending().await, 0, "{act:?}");
    }
}
