//! Confirms to destinations in other buckets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use draftstore_service::caller::{Caller, Destination, DestinationPrefix, Destinations, FixedOptions, Profile};
use draftstore_service::cleaner::{Brakes, Mode};
use draftstore_service::draft::{
    ConfirmLimits, ConfirmUpload, DeleteObject, DraftName, DraftState, IssueUpload, ProfileSource, WatchDraft,
};
use draftstore_service::events::EventKind;
use draftstore_service::{AllowedOrigins, Cleaner, Drafts, Error, Missing, Policy, Store};
use draftstore_storage::{BucketName, DraftBucket, ListObjects, ListUploads};
use draftstore_testing::SignedRequest;
use tokio::time::sleep;

use crate::events::{Sink, telling};
use crate::ground::Ground;
use crate::system::System;

promises! {
    staged_copy_at_a_destination_is_swept_there: strong, seaweedfs;
    draft_confirms_itself_to_the_destination_of_its_profile: strong, seaweedfs;
    confirm_to_main_makes_no_call_more: strong;
    confirm_to_a_destination_is_seen: strong;
    events_name_the_destination_and_its_bucket: strong;
    delete_that_crashed_at_a_destination_is_looked_up_there: strong;
}

/// The time that a test waits for what happens in the background.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A system with the destination `archive` in another bucket, and the service for a caller that may name it.
struct Setup {
    system: System,
    store: Store,
    bucket: BucketName,
    policy: Policy,
    drafts: Drafts,
}

/// The profile of the caller, also in the policy.
#[derive(Debug)]
struct Only(Profile);

impl ProfileSource for Only {
    fn named(&self, _: &str) -> Option<Profile> {
        Some(self.0.clone())
    }
}

impl Setup {
    async fn new(ground: &Ground) -> Self {
        let system = ground.system().await;
        let bucket: BucketName = format!("{}-more", system.world.main.name()).parse().expect("a name");
        system.world.storage.create_bucket(&bucket).await.expect("created");
        let mut store = system.installed();
        let pair = DraftBucket::pair(system.world.draft.name().clone(), bucket.clone());
        store.buckets.destinations.push(pair.expect("the names differ").1);
        let archive = Destination {
            name: "archive".to_owned(),
            bucket: Some(bucket.clone()),
            prefix: DestinationPrefix::new("kept/").expect("a prefix"),
            options: FixedOptions::default(),
        };
        let profile = Profile {
            name: Some("auto".to_owned()),
            auto_confirm: true,
            auto_confirm_destination: Some("archive".to_owned()),
            destinations: Destinations::from([("archive".to_owned(), Arc::new(archive))]),
            ..Profile::default()
        };
        let hour = Duration::from_secs(3600);
        let policy = Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy");
        let caller = Caller {
            profile: profile.clone(),
            ..Caller::anyone()
        };
        let drafts = Drafts::new(store.clone(), policy, AllowedOrigins::default(), system.clock.clone())
            .with_confirm_limits(ConfirmLimits {
                max_copy_bytes: 1024,
                timeout: Duration::from_secs(2),
                ..ConfirmLimits::default()
            })
            .with_profiles(Arc::new(Only(profile)))
            .for_caller(Arc::new(caller));
        Self {
            system,
            store,
            bucket,
            policy,
            drafts,
        }
    }

    async fn objects(&self) -> Vec<String> {
        let page = self
            .system
            .world
            .storage
            .list(&self.bucket, &ListObjects::default())
            .await;
        let objects = page.expect("listed").objects.into_iter();
        objects.map(|object| object.key.to_string()).collect()
    }

    async fn staged(&self) -> Vec<String> {
        let page = self
            .system
            .world
            .storage
            .list_uploads(&self.bucket, &ListUploads::default())
            .await;
        let uploads = page.expect("listed").uploads.into_iter();
        uploads.map(|upload| upload.key.to_string()).collect()
    }
}

fn to_archive(name: &str) -> ConfirmUpload {
    ConfirmUpload {
        object_name: name.to_owned(),
        destination: Some("archive".to_owned()),
        ..ConfirmUpload::default()
    }
}

/// A caller that may name the destination sees it, and one whose drafts only confirm themselves there, as those of a ticket.
async fn confirm_to_a_destination_is_seen(ground: &Ground) {
    let setup = Setup::new(ground).await;
    let issue = IssueUpload {
        object_name: "a".to_owned(),
        unique: true,
        ..IssueUpload::default()
    };
    let issued = setup.drafts.issue_upload(&issue).await.expect("issued");
    let draft_id = issued.draft_id.map(|id| id.to_string());
    let request = SignedRequest::from(issued.request);
    assert_eq!(setup.system.world.send(&request, "bytes").await.status(), 200);
    let confirm = ConfirmUpload {
        draft_id: draft_id.clone(),
        ..to_archive("a")
    };
    setup.drafts.confirm(&confirm).await.expect("confirmed");
    let draft = DraftName {
        object_name: "a".to_owned(),
        draft_id,
    };
    let mut caller = Caller::anyone();
    caller.profile.name = Some("auto".to_owned());
    let without_destinations = setup.drafts.for_caller(Arc::new(caller));
    for drafts in [&setup.drafts, &without_destinations] {
        let request = WatchDraft {
            draft: draft.clone(),
            last_state_id: None,
        };
        let mut watch = drafts.watch(&request).await.expect("known");
        let state = watch.next().await.expect("a state").expect("no failure");
        assert_eq!(state, DraftState::Confirmed);
        let gone = drafts.inspect(&draft).await.expect_err("confirmed");
        assert!(matches!(gone, Error::NotFound(Missing::Draft)), "{gone:?}");
    }
}

async fn staged_copy_at_a_destination_is_swept_there(ground: &Ground) {
    let setup = Setup::new(ground).await;
    let system = &setup.system;
    system.world.draft("a", "bytes".repeat(1024)).await;
    // Main, the draft, the destination, a note and the staging.
    system.store.crash_after(5);
    let crashed = setup.drafts.confirm(&to_archive("a")).await;
    assert!(matches!(crashed, Err(Error::StoreUnavailable(_))), "{crashed:?}");
    system.store.restart();
    assert_eq!(setup.staged().await, ["kept/a"]);

    let cleaner = Cleaner::new(
        setup.store.clone(),
        setup.policy,
        Brakes::default(),
        system.clock.clone(),
    );
    let begun = Instant::now();
    while !setup.staged().await.is_empty() {
        assert!(begun.elapsed() < TIMEOUT, "not swept");
        sleep(Duration::from_millis(200)).await;
        cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    }
    assert_eq!(system.world.draft_keys().await, ["a"]);
    let kept = setup.drafts.confirm(&to_archive("a")).await.expect("confirmed");
    assert_eq!(kept.final_location, format!("{}/kept/a", setup.bucket));
    assert_eq!(setup.objects().await, ["kept/a"]);
    assert_eq!(system.world.draft_keys().await, [""; 0], "the draft, and the note");
}

async fn draft_confirms_itself_to_the_destination_of_its_profile(ground: &Ground) {
    let setup = Setup::new(ground).await;
    let issue = IssueUpload {
        object_name: "a.txt".to_owned(),
        ..IssueUpload::default()
    };
    let issued = setup.drafts.issue_upload(&issue).await.expect("issued");
    let signed = SignedRequest::from(issued.request);
    assert_eq!(setup.system.world.send(&signed, "hello").await.status(), 200);
    let looked = setup
        .drafts
        .look_at(
            setup.drafts.draft_bucket().as_str(),
            "a.txt",
            tokio::time::Instant::now() + std::time::Duration::from_secs(3),
        )
        .await;
    assert!(looked.is_ok(), "{looked:?}");
    let begun = Instant::now();
    while setup.objects().await.is_empty() {
        assert!(begun.elapsed() < TIMEOUT, "not confirmed");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(setup.objects().await, ["kept/a.txt"]);
    assert_eq!(setup.system.state("a.txt").await.1, None, "not in main");
}

async fn confirm_to_main_makes_no_call_more(ground: &Ground) {
    let setup = Setup::new(ground).await;
    let system = &setup.system;
    let confirm = async |drafts: &Drafts, name: &str| {
        system.world.draft(name, "bytes").await;
        let before = system.store.calls().len();
        let request = ConfirmUpload {
            object_name: name.to_owned(),
            ..ConfirmUpload::default()
        };
        drafts.confirm(&request).await.expect("confirmed");
        drafts.drain().await;
        let calls = system.store.calls().split_off(before).into_iter();
        calls.map(|(operation, _)| operation).take(3).collect::<Vec<_>>()
    };
    let plain = confirm(&system.drafts, "a").await;
    assert_eq!(confirm(&setup.drafts, "b").await, plain);
}

fn delete() -> DeleteObject {
    DeleteObject {
        object_name: "a".to_owned(),
        ..DeleteObject::default()
    }
}

async fn events_name_the_destination_and_its_bucket(ground: &Ground) {
    let setup = Setup::new(ground).await;
    let kinds = [EventKind::DraftConfirmed, EventKind::ObjectDeleted];
    let sink = Sink::wanting("backend", None, &kinds);
    let drafts = telling(&setup.drafts, &[&sink]);
    setup.system.world.draft("a", "bytes").await;
    drafts.confirm(&to_archive("a")).await.expect("confirmed");
    let archive = drafts.at(Some("archive")).expect("allowed");
    archive.delete_object(&delete()).await.expect("deleted");
    let received = sink.received();
    assert_eq!(received.len(), kinds.len());
    for (_, event) in received {
        assert_eq!(event["data"]["destination"], "archive");
        assert_eq!(event["data"]["object_name"], "a");
        assert_eq!(event["source"], format!("/buckets/{}", setup.bucket));
    }
}

async fn delete_that_crashed_at_a_destination_is_looked_up_there(ground: &Ground) {
    for calls in 0.. {
        let setup = Setup::new(ground).await;
        let system = &setup.system;
        system.world.draft("a", "bytes").await;
        setup.drafts.confirm(&to_archive("a")).await.expect("confirmed");
        let sink = Sink::wanting("backend", None, &[EventKind::ObjectDeleted]);
        let drafts = telling(&setup.drafts, &[&sink]);
        let archive = drafts.at(Some("archive")).expect("allowed");
        system.store.crash_after(calls);
        // The result does not matter: the event follows what happened.
        let _ = archive.delete_object(&delete()).await;
        let crashed = system.store.restart();
        let happened = setup.objects().await.is_empty();
        for _ in 0..2 {
            system.clock.advance(Duration::from_secs(3600));
            drafts.deliver_pending().await;
        }
        assert_eq!(sink.names().len(), usize::from(happened), "after {calls} calls");
        if !crashed {
            assert!(happened);
            break;
        }
    }
}
