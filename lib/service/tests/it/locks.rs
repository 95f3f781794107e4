//! Retentions and legal holds of confirmed objects.

use std::time::Duration;

use draftstore_service::draft::{
    ConfirmUpload, DeleteObject, DeleteVersion, DescribeObject, IssueUpload, ObjectDescribed, RequestedOptions,
    RequestedRetention, RestoreVersion, UpdateObject,
};
use draftstore_service::{Clock as _, Error};
use draftstore_storage::{RetentionMode, StorageOption};
use draftstore_testing::{SignedRequest, lock_objects};

use crate::ground::Ground;
use crate::system::System;

promises! {
    locked_version_is_kept_and_the_error_says_why: strong, seaweedfs => lock_that_copies_drop_is_refused;
    released_version_is_deleted: strong;
    restored_version_is_locked_as_before: strong;
    retention_is_extended_and_not_shortened: strong;
    retention_that_ended_before_the_confirm_is_over: strong;
    option_of_an_upload_that_the_store_refuses_is_named: strong;
}

/// Creates a system whose main bucket has object lock.
async fn locking(ground: &Ground) -> System {
    let system = ground.system().await;
    system.world.keep_versions().await;
    lock_objects(&system.world.endpoint, system.world.main.name()).await;
    system
}

impl System {
    /// Confirms an object with these options, and returns the ID of its version.
    async fn keep_with(&self, bytes: &'static str, options: RequestedOptions) -> String {
        self.world.draft("a", bytes).await;
        let confirm = ConfirmUpload {
            object_name: "a".to_owned(),
            overwrite: true,
            options,
            ..ConfirmUpload::default()
        };
        let kept = self.drafts.confirm(&confirm).await.expect("confirmed");
        kept.version_id.expect("an ID").to_string()
    }

    /// Returns the keys of all versions in main, at most one page.
    async fn versions_of_main(&self) -> Vec<String> {
        let list = self.world.sdk().list_object_versions();
        let page = list.bucket(self.world.main.name().as_str()).send().await;
        let page = page.expect("versions can be listed");
        let keys = page.versions().iter().map(|version| version.key().unwrap_or_default());
        keys.map(ToOwned::to_owned).collect()
    }

    async fn delete_version(&self, version: &str) -> Result<(), Error> {
        let delete = DeleteVersion {
            object_name: "a".to_owned(),
            version_id: version.to_owned(),
        };
        self.drafts.delete_version(&delete).await
    }

    async fn describe(&self, version: Option<&str>) -> ObjectDescribed {
        let object = DescribeObject {
            object_name: "a".to_owned(),
            version_id: version.map(ToOwned::to_owned),
        };
        self.drafts.describe_object(&object).await.expect("there")
    }

    fn retention(&self, mode: RetentionMode, days: u64) -> RequestedOptions {
        let until = self.clock.now() + Duration::from_secs(days * 86_400);
        RequestedOptions {
            retention: Some(RequestedRetention {
                mode: Some(mode),
                until: Some(until),
            }),
            ..RequestedOptions::default()
        }
    }
}

fn hold(held: bool) -> RequestedOptions {
    RequestedOptions {
        legal_hold: Some(held),
        ..RequestedOptions::default()
    }
}

fn update(options: RequestedOptions) -> UpdateObject {
    UpdateObject {
        object_name: "a".to_owned(),
        options,
        ..UpdateObject::default()
    }
}

/// SeaweedFS drops the lock headers of a copy, although main has object lock.
async fn lock_that_copies_drop_is_refused(ground: &Ground) {
    let system = locking(ground).await;
    system.world.draft("a", "free").await;
    for (options, refused) in [
        (hold(true), StorageOption::LegalHold),
        (system.retention(RetentionMode::Governance, 1), StorageOption::Retention),
    ] {
        let confirm = ConfirmUpload {
            object_name: "a".to_owned(),
            options,
            ..ConfirmUpload::default()
        };
        let error = system.drafts.confirm(&confirm).await.expect_err("no lock");
        assert!(
            matches!(error, Error::OptionUnsupported(option) if option == refused),
            "{error}"
        );
    }
    assert!(system.versions_of_main().await.is_empty(), "the probe leaves nothing");
}

async fn locked_version_is_kept_and_the_error_says_why(ground: &Ground) {
    let system = locking(ground).await;
    let held = system.keep_with("held", hold(true)).await;
    let retained = system.retention(RetentionMode::Compliance, 1);
    let retained = system.keep_with("retained", retained).await;
    assert_eq!(system.versions_of_main().await, ["a", "a"], "the probe leaves nothing");
    for (version, legal_hold) in [(held, true), (retained, false)] {
        let refused = system.delete_version(&version).await.expect_err("locked");
        let Error::Locked(lock) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!((lock.legal_hold, lock.retention.is_some()), (legal_hold, !legal_hold));
        system.describe(Some(&version)).await;
    }
}

async fn released_version_is_deleted(ground: &Ground) {
    let system = locking(ground).await;
    let old = system.keep_with("old", hold(true)).await;
    let current = system.keep_with("current", hold(true)).await;
    let released = system
        .drafts
        .update_object(&update(hold(false)))
        .await
        .expect("released");
    assert_eq!(released.version_id.map(|id| id.to_string()).as_ref(), Some(&current));
    assert!(!system.describe(None).await.description.legal_hold);
    let mut of_old = update(hold(false));
    of_old.version_id = Some(old.clone());
    assert!(!system.drafts.update_object(&of_old).await.expect("released").replayed);
    assert!(
        system
            .drafts
            .update_object(&of_old)
            .await
            .expect("released before")
            .replayed
    );
    for version in [old, current] {
        system.delete_version(&version).await.expect("deleted");
    }
}

async fn restored_version_is_locked_as_before(ground: &Ground) {
    let system = locking(ground).await;
    let options = RequestedOptions {
        legal_hold: Some(true),
        storage_class: Some("STANDARD_IA".to_owned()),
        ..system.retention(RetentionMode::Governance, 1)
    };
    system.keep_with("bytes", options).await;
    let before = system.describe(None).await.description;
    let delete = DeleteObject {
        object_name: "a".to_owned(),
        if_match: None,
    };
    system.drafts.delete_object(&delete).await.expect("deleted");
    let restore = RestoreVersion {
        object_name: "a".to_owned(),
        ..RestoreVersion::default()
    };
    system.drafts.restore_version(&restore).await.expect("restored");
    let after = system.describe(None).await.description;
    assert_eq!(
        (after.legal_hold, after.retention, after.storage_class),
        (true, before.retention, before.storage_class)
    );
}

async fn retention_is_extended_and_not_shortened(ground: &Ground) {
    let system = locking(ground).await;
    let day = system.retention(RetentionMode::Governance, 1);
    system.keep_with("bytes", day.clone()).await;
    let longer = system.retention(RetentionMode::Compliance, 2);
    system.drafts.update_object(&update(longer)).await.expect("extended");
    let refused = system.drafts.update_object(&update(day)).await.expect_err("shorter");
    assert!(matches!(refused, Error::ShorterRetention(_)), "{refused:?}");
    let kept = system.describe(None).await.description.retention.expect("retained");
    assert_eq!(kept.mode, RetentionMode::Compliance);
}

impl System {
    /// Uploads a draft `a` with these options.
    async fn upload_with(&self, options: RequestedOptions) {
        let issue = IssueUpload {
            object_name: "a".to_owned(),
            options,
            ..IssueUpload::default()
        };
        let issued = self.drafts.issue_upload(&issue).await.expect("issued");
        let sent = self.world.send(&SignedRequest::from(issued.request), "bytes").await;
        assert_eq!(sent.status(), 200);
    }

    async fn confirm_as_agreed(&self) -> Result<(), Error> {
        let confirm = ConfirmUpload {
            object_name: "a".to_owned(),
            ..ConfirmUpload::default()
        };
        self.drafts.confirm(&confirm).await.map(drop)
    }
}

async fn retention_that_ended_before_the_confirm_is_over(ground: &Ground) {
    let system = locking(ground).await;
    system.upload_with(system.retention(RetentionMode::Compliance, 1)).await;
    system.clock.advance(Duration::from_secs(86_400));
    system.confirm_as_agreed().await.expect("confirmed");
    assert_eq!(system.describe(None).await.description.retention, None);
}

async fn option_of_an_upload_that_the_store_refuses_is_named(ground: &Ground) {
    let system = ground.system().await;
    let options = RequestedOptions {
        storage_class: Some("FOO".to_owned()),
        ..RequestedOptions::default()
    };
    system.upload_with(options).await;
    let refused = system.confirm_as_agreed().await;
    assert!(
        matches!(refused, Err(Error::OptionUnsupported(StorageOption::StorageClass))),
        "{refused:?}"
    );
}
