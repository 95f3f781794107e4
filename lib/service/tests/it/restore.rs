//! Restores of versions of confirmed objects.

use draftstore_service::Error;
use draftstore_service::draft::{ConfirmUpload, RestoreVersion, VersionRestored};
use draftstore_storage::{ErrorKind, Operation};

use crate::ground::Ground;
use crate::system::System;

promises! {
    failed_restore_is_repeated: strong, weak, sources;
    restore_whose_answer_was_lost_makes_one_version: strong, weak, sources;
    object_replaced_before_the_restore_is_kept: strong;
    confirm_is_answered_after_the_restore_of_its_object: strong, weak, sources;
}

impl System {
    /// Confirms two objects under one name, and returns the versions that main then has.
    async fn two_versions(&self) -> [String; 2] {
        self.world.keep_versions().await;
        let mut versions = Vec::new();
        for bytes in ["first", "second"] {
            self.world.draft("a", bytes).await;
            let confirmed = self.drafts.confirm(&replace()).await.expect("confirmed");
            versions.push(confirmed.version_id.expect("an ID").to_string());
        }
        versions.try_into().expect("two")
    }

    async fn restore(&self, version: &str) -> Result<VersionRestored, Error> {
        let request = RestoreVersion {
            object_name: "a".to_owned(),
            version_id: Some(version.to_owned()),
            if_match: None,
        };
        self.drafts.restore_version(&request).await
    }

    async fn main(&self) -> Option<String> {
        self.state("a").await.1
    }

    async fn versions(&self) -> usize {
        let list = self
            .world
            .sdk()
            .list_object_versions()
            .bucket(self.world.main.name().as_str());
        list.send().await.expect("listed").versions().len()
    }
}

fn replace() -> ConfirmUpload {
    ConfirmUpload {
        object_name: "a".to_owned(),
        overwrite: true,
        ..ConfirmUpload::default()
    }
}

async fn failed_restore_is_repeated(ground: &Ground) {
    for kind in [ErrorKind::Unavailable, ErrorKind::Conflict] {
        let system = ground.system().await;
        let [first, second] = system.two_versions().await;
        system.store.fail(Operation::CopyObject, kind);
        let restored = system.restore(&first).await.expect("restored");
        assert_eq!(restored.replaced_version_id.map(|id| id.to_string()), Some(second));
        assert_eq!(system.main().await.as_deref(), Some("first"));
    }
}

async fn restore_whose_answer_was_lost_makes_one_version(ground: &Ground) {
    let system = ground.system().await;
    let [first, _] = system.two_versions().await;
    system.store.lose_the_answer(Operation::CopyObject);
    let restored = system.restore(&first).await.expect("restored");
    assert!(!restored.replayed && restored.version_id.is_some(), "{restored:?}");
    let again = system.restore(&first).await.expect("restored before");
    assert_eq!((again.replayed, again.version_id), (true, restored.version_id));
    assert_eq!(
        (system.main().await.as_deref(), system.versions().await),
        (Some("first"), 3)
    );
}

async fn object_replaced_before_the_restore_is_kept(ground: &Ground) {
    let system = ground.system().await;
    let [first, _] = system.two_versions().await;
    system.world.draft("a", "third").await;
    let other = system.other_server();
    system.store.before(Operation::CopyObject, move || async move {
        other.confirm(&replace()).await.expect("replaced");
    });
    let failed = system.restore(&first).await;
    assert!(matches!(failed, Err(Error::Changed)), "{failed:?}");
    assert_eq!(system.main().await.as_deref(), Some("third"));
}

async fn confirm_is_answered_after_the_restore_of_its_object(ground: &Ground) {
    let system = ground.system().await;
    system.world.keep_versions().await;
    system.world.draft("b", "first").await;
    let first = ConfirmUpload {
        object_name: "b".to_owned(),
        destination_name: Some("a".to_owned()),
        ..ConfirmUpload::default()
    };
    let confirmed = system.drafts.confirm(&first).await.expect("confirmed");
    system.world.draft("a", "second").await;
    system.drafts.confirm(&replace()).await.expect("replaced");
    system
        .restore(confirmed.version_id.expect("an ID").as_str())
        .await
        .expect("restored");
    let again = system.drafts.confirm(&first).await.expect("confirmed before");
    assert_eq!((again.replayed, again.etag), (true, confirmed.etag));
}
