//! Drafts that confirm themselves, and the confirms that race them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use draftstore_service::caller::{Caller, CheckSettings, Profile};
use draftstore_service::draft::{ConfirmUpload, DeleteObject, DraftName, IssueUpload, ProfileSource};
use draftstore_service::{Drafts, Error};
use draftstore_storage::{ErrorKind, Operation};
use draftstore_testing::{SignedRequest, key};
use futures::future::{join, join_all};
use tokio::time::sleep;

use crate::ground::Ground;
use crate::system::System;

promises! {
    draft_that_has_arrived_confirms_itself: strong, weak, garage, seaweedfs;
    look_ends_with_its_confirm: strong;
    deleted_object_is_kept_again_only_with_another_upload: strong, weak, garage, seaweedfs;
    draft_without_an_agreement_waits_for_its_confirm: strong, weak, garage, seaweedfs;
    agreement_counts_for_its_draft_alone: strong, garage, seaweedfs;
    profile_that_no_longer_agrees_confirms_nothing: strong, garage, seaweedfs;
    confirms_of_the_backend_race_those_of_drafts: strong, garage, seaweedfs;
    rejected_draft_is_not_confirmed: strong, garage, seaweedfs;
    object_in_main_is_not_replaced: strong, weak, garage, seaweedfs;
    failed_confirm_is_tried_again: strong, weak, garage, seaweedfs;
}

/// The time that a test waits for a confirm in the background.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The profiles of a policy, which change during a test.
#[derive(Debug, Default)]
struct Profiles(Mutex<BTreeMap<String, Profile>>);

impl ProfileSource for Profiles {
    fn named(&self, name: &str) -> Option<Profile> {
        self.0.lock().expect("not poisoned").get(name).cloned()
    }
}

/// A system with a profile `auto`, and the service for a caller that has it.
struct Setup {
    system: System,
    profiles: Arc<Profiles>,
    uploader: Drafts,
}

impl Setup {
    async fn new(ground: &Ground, profile: Profile) -> Self {
        let profile = Profile {
            name: Some("auto".to_owned()),
            auto_confirm: true,
            ..profile
        };
        let profiles = Arc::new(Profiles::default());
        profiles.set(Some(profile.clone()));
        let mut system = ground.system().await;
        system.drafts = system.drafts.with_profiles(profiles.clone());
        let caller = Caller {
            profile,
            ..Caller::anyone()
        };
        let uploader = system.drafts.for_caller(Arc::new(caller));
        Self {
            system,
            profiles,
            uploader,
        }
    }

    /// Uploads a draft as this caller, and returns its key.
    async fn upload(&self, drafts: &Drafts, unique: bool, bytes: &'static str) -> String {
        let issue = IssueUpload {
            object_name: "a.txt".to_owned(),
            content_type: Some("text/plain".to_owned()),
            unique,
            ..IssueUpload::default()
        };
        let issued = drafts.issue_upload(&issue).await.expect("issued");
        let signed = SignedRequest::from(issued.request);
        assert_eq!(self.system.world.send(&signed, bytes).await.status(), 200);
        let draft = DraftName {
            object_name: issue.object_name,
            draft_id: issued.draft_id.map(|id| id.to_string()),
        };
        drafts.whole_key(&draft).expect("a key")
    }

    /// Tells the service of a draft. Returns true if nothing more is to be done for it.
    async fn arrived(&self, key: &str) -> bool {
        let bucket = self.system.world.draft.name().as_str();
        let until = tokio::time::Instant::now() + Duration::from_secs(5);
        self.system.drafts.look_at(bucket, key, until).await.expect("looked at")
    }

    async fn main(&self) -> Option<String> {
        let bytes = self.system.world.main_bytes(&key("a.txt")).await;
        bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    /// Waits until main has these bytes.
    async fn until_main(&self, bytes: &str) {
        let begun = Instant::now();
        while self.main().await.as_deref() != Some(bytes) {
            assert!(begun.elapsed() < TIMEOUT, "not confirmed");
        }
    }
}

impl Profiles {
    fn set(&self, profile: Option<Profile>) {
        let profiles = profile.map(|profile| ("auto".to_owned(), profile));
        *self.0.lock().expect("not poisoned") = profiles.into_iter().collect();
    }
}

async fn draft_that_has_arrived_confirms_itself(ground: &Ground) {
    for unique in [false, true] {
        let setup = Setup::new(ground, Profile::default()).await;
        let key = setup.upload(&setup.uploader, unique, "bytes").await;
        assert_eq!(setup.main().await, None);
        join_all((0..3).map(|_| setup.arrived(&key))).await;
        setup.until_main("bytes").await;
    }
}

/// A notification is acknowledged when its draft is confirmed: until then, a crash would leave a draft that nobody confirms.
async fn look_ends_with_its_confirm(ground: &Ground) {
    let setup = Setup::new(ground, Profile::default()).await;
    let key = setup.upload(&setup.uploader, true, "bytes").await;
    let store = Arc::clone(&setup.system.store);
    // The look itself succeeds. The confirm fails at once, after a second and after two more.
    setup.system.store.before(Operation::HeadObject, move || async move {
        for _ in 0..3 {
            store.fail(Operation::HeadObject, ErrorKind::Unavailable);
        }
    });
    assert!(!setup.arrived(&key).await);
    assert_eq!(setup.main().await, None);
    while !setup.arrived(&key).await {}
    assert_eq!(setup.main().await.as_deref(), Some("bytes"));
}

async fn deleted_object_is_kept_again_only_with_another_upload(ground: &Ground) {
    let setup = Setup::new(ground, Profile::default()).await;
    let key = setup.upload(&setup.uploader, true, "bytes").await;
    while !setup.arrived(&key).await {}
    let delete = DeleteObject {
        object_name: "a.txt".to_owned(),
        ..DeleteObject::default()
    };
    setup.system.drafts.delete_object(&delete).await.expect("deleted");
    let draft = DraftName {
        object_name: key.clone(),
        draft_id: None,
    };
    for _ in 0..20 {
        // The draft is deleted soon after its confirm, where the store can do that.
        drop(setup.system.drafts.inspect(&draft).await);
        setup.arrived(&key).await;
    }
    assert_eq!(setup.main().await, None);
    // Stores tell uploads of the same bytes apart by the second.
    sleep(Duration::from_millis(1100)).await;
    let again = setup.upload(&setup.uploader, true, "bytes").await;
    while !setup.arrived(&again).await {}
    assert_eq!(setup.main().await.as_deref(), Some("bytes"));
}

async fn draft_without_an_agreement_waits_for_its_confirm(ground: &Ground) {
    let setup = Setup::new(ground, Profile::default()).await;
    let plain = setup.upload(&setup.system.drafts, true, "plain").await;
    setup.arrived(&plain).await;
    let now = tokio::time::Instant::now();
    let looked = setup.system.drafts.look_at("another", &plain, now).await;
    looked.expect("ignored");
    setup.arrived(".drafts/verdicts/x").await;
    setup.arrived("absent").await;
    setup.arrived("").await;
    assert_eq!(setup.main().await, None);
}

async fn agreement_counts_for_its_draft_alone(ground: &Ground) {
    let setup = Setup::new(ground, Profile::default()).await;
    let agreed = setup.upload(&setup.uploader, true, "agreed").await;
    let world = &setup.system.world;
    let head = world
        .storage
        .head(world.draft.name(), &key(&agreed))
        .await
        .expect("there");
    let sealed = &head.attributes.metadata["draftstore-auto-confirm"];
    assert!(!sealed.contains("auto"), "{sealed}");
    // Somebody who may write to the bucket copies the agreement to a draft of another name.
    let forged = world
        .sdk()
        .put_object()
        .bucket(world.draft.name().as_str())
        .key("a.txt");
    let forged = forged
        .metadata("draftstore-auto-confirm", sealed)
        .body(b"forged".to_vec().into());
    forged.send().await.expect("written");
    setup.arrived("a.txt").await;
    assert_eq!(setup.main().await, None);
    setup.arrived(&agreed).await;
    setup.until_main("agreed").await;
}

async fn profile_that_no_longer_agrees_confirms_nothing(ground: &Ground) {
    let setup = Setup::new(ground, Profile::default()).await;
    let key = setup.upload(&setup.uploader, true, "bytes").await;
    for profile in [None, Some(Profile::default())] {
        setup.profiles.set(profile);
        setup.arrived(&key).await;
        assert_eq!(setup.main().await, None);
    }
    let agrees = Profile {
        auto_confirm: true,
        ..Profile::default()
    };
    setup.profiles.set(Some(agrees));
    setup.arrived(&key).await;
    setup.until_main("bytes").await;
}

async fn confirms_of_the_backend_race_those_of_drafts(ground: &Ground) {
    let setup = Setup::new(ground, Profile::default()).await;
    let key = setup.upload(&setup.uploader, true, "bytes").await;
    let confirm = ConfirmUpload {
        object_name: key.clone(),
        ..ConfirmUpload::default()
    };
    let backend = &setup.system.drafts;
    let confirms = join_all((0..4).map(|_| backend.confirm(&confirm)));
    let arrivals = join_all((0..4).map(|_| setup.arrived(&key)));
    let (confirmed, _) = join(confirms, arrivals).await;
    for confirmed in confirmed {
        assert_eq!(confirmed.expect("kept").size, 5);
    }
    setup.until_main("bytes").await;
}

async fn rejected_draft_is_not_confirmed(ground: &Ground) {
    let checks = CheckSettings {
        media_type: Some(draftstore_inspection::TypeCheck::default()),
        ..CheckSettings::default()
    };
    let profile = Profile {
        checks: Some(checks.into()),
        ..Profile::default()
    };
    let setup = Setup::new(ground, profile).await;
    let bad = setup.upload(&setup.uploader, true, "%PDF-1.4 is no plain text").await;
    setup.arrived(&bad).await;
    let confirm = ConfirmUpload {
        object_name: bad,
        ..ConfirmUpload::default()
    };
    let begun = Instant::now();
    loop {
        match setup.uploader.confirm(&confirm).await {
            Err(Error::Rejected(_)) => break,
            Err(Error::ChecksPending) => assert!(begun.elapsed() < TIMEOUT, "not checked"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(setup.main().await, None);
}

async fn object_in_main_is_not_replaced(ground: &Ground) {
    let setup = Setup::new(ground, Profile::default()).await;
    let first = setup.upload(&setup.uploader, true, "first").await;
    setup.arrived(&first).await;
    setup.until_main("first").await;
    let second = setup.upload(&setup.uploader, true, "second").await;
    setup.arrived(&second).await;
    let confirm = ConfirmUpload {
        object_name: second,
        ..ConfirmUpload::default()
    };
    let refused = setup.system.drafts.confirm(&confirm).await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    assert_eq!(setup.main().await.as_deref(), Some("first"));
}

async fn failed_confirm_is_tried_again(ground: &Ground) {
    let setup = Setup::new(ground, Profile::default()).await;
    let key = setup.upload(&setup.uploader, true, "bytes").await;
    // The look by the notification succeeds, and the one of the confirm fails.
    let store = Arc::clone(&setup.system.store);
    setup.system.store.before(Operation::HeadObject, move || async move {
        store.fail(Operation::HeadObject, ErrorKind::Unavailable);
    });
    setup.arrived(&key).await;
    setup.until_main("bytes").await;
}
