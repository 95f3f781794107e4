//! The promises that a single server keeps on a store that ignores conditions.

use std::sync::Arc;

use draftstore_service::cleaner::Mode;
use draftstore_service::draft::{ConfirmBatch, ConfirmUpload, Confirmed, DraftName};
use draftstore_service::{Error, Missing};
use draftstore_storage::{Condition, Operation};
use futures::future::join_all;

use crate::ground::Ground;
use crate::system::{FAR_AHEAD, LONG_AGO, System, expire, state, unique};

/// The number of rounds of a race.
const ROUNDS: usize = 25;

/// The number of looks with which a sweep begins, for the kinds of events that an endpoint wants.
const WANTED: usize = 2;

promises! {
    exactly_one_of_two_concurrent_confirms_to_one_name_wins: strong, weak, sources, garage, seaweedfs;
    batch_confirms_one_of_two_drafts_for_one_name: strong, weak, sources, garage, seaweedfs;
    hundred_confirms_of_one_draft_have_one_effect: strong, weak, sources, garage, seaweedfs;
    confirmed_unique_draft_is_kept_until_it_expires: weak, sources, garage;
    unique_draft_that_was_written_again_is_not_confirmed_again: weak, sources, garage;
    named_draft_uploaded_after_the_copy_is_not_deleted: weak, sources, garage;
    draft_is_either_confirmed_or_discarded: weak, sources, garage;
    draft_uploaded_again_before_the_sweep_checks_it_is_kept: weak, sources, garage;
    failed_batch_is_rolled_back: weak, sources, garage;
}

impl System {
    async fn confirm_as(&self, name: &str, kept_as: &str) -> Result<Confirmed, Error> {
        let request = ConfirmUpload {
            object_name: name.to_owned(),
            destination_name: Some(kept_as.to_owned()),
            ..ConfirmUpload::default()
        };
        self.drafts.confirm(&request).await
    }

    async fn confirm_unique(&self, id: &str) -> Result<Confirmed, Error> {
        let request = ConfirmUpload {
            object_name: "file.jpg".to_owned(),
            draft_id: Some(id.to_owned()),
            ..ConfirmUpload::default()
        };
        self.drafts.confirm(&request).await
    }
}

async fn exactly_one_of_two_concurrent_confirms_to_one_name_wins(ground: &Ground) {
    let system = ground.system().await;
    for round in 0..ROUNDS {
        let [one, other, main] = ["one", "other", "main"].map(|name| format!("{name}{round}"));
        system.world.draft(&one, "one's bytes").await;
        system.world.draft(&other, "other's bytes").await;
        let (first, second) = tokio::join!(system.confirm_as(&one, &main), system.confirm_as(&other, &main));
        let (lost, loser, won) = match (first, second) {
            (Ok(_), Err(lost)) => (lost, other, "one's bytes"),
            (Err(lost), Ok(_)) => (lost, one, "other's bytes"),
            both => panic!("round {round}: {both:?}"),
        };
        assert!(matches!(lost, Error::AlreadyExists), "{lost:?}");
        assert_eq!(system.state(&main).await, state(None, Some(won)));
        assert!(system.state(&loser).await.0.is_some(), "the loser keeps its draft");
    }
}

async fn batch_confirms_one_of_two_drafts_for_one_name(ground: &Ground) {
    let system = ground.system().await;
    for round in 0..ROUNDS {
        let [one, other, main] = ["one", "other", "main"].map(|name| format!("{name}{round}"));
        for name in [&one, &other] {
            system.world.draft(name, name.clone()).await;
        }
        let upload = |name: &String| ConfirmUpload {
            object_name: name.clone(),
            destination_name: Some(main.clone()),
            ..ConfirmUpload::default()
        };
        let uploads = vec![upload(&one), upload(&other)];
        let batch = |atomic| ConfirmBatch {
            uploads: uploads.clone(),
            atomic,
        };
        let refused = system.drafts.confirm_batch(batch(true)).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        let outcomes = system.drafts.confirm_batch(batch(false)).await.expect("a batch");
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
            1,
            "{outcomes:?}"
        );
        let won = if outcomes[0].is_ok() { &one } else { &other };
        assert_eq!(system.state(&main).await, state(None, Some(won)));
    }
}

async fn hundred_confirms_of_one_draft_have_one_effect(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    let confirms = join_all((0..100).map(|_| system.confirm("a"))).await;
    for confirmed in &confirms {
        assert!(confirmed.is_ok(), "{confirmed:?}");
    }
    assert_eq!(confirms.iter().flatten().filter(|kept| !kept.replayed).count(), 1);
    if !system.honours(Condition::CopyToAbsent) {
        assert_eq!(system.copies(), 1, "the other confirms waited");
    }
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
}

/// A confirm cannot delete the draft safely: a URL may still write to it, and a deleted draft could be uploaded again.
async fn confirmed_unique_draft_is_kept_until_it_expires(ground: &Ground) {
    let system = ground.system().await;
    let ((lives, live_key), (ended, ended_key)) = (unique(FAR_AHEAD, 1), unique(LONG_AGO, 2));
    for (id, key) in [(&lives, &live_key), (&ended, &ended_key)] {
        system.world.draft(key, "bytes").await;
        let request = ConfirmUpload {
            object_name: "file.jpg".to_owned(),
            draft_id: Some(id.clone()),
            destination_name: Some(id.clone()),
            ..ConfirmUpload::default()
        };
        for replayed in [false, true] {
            let kept = system.drafts.confirm(&request).await.expect("confirmed");
            assert_eq!(kept.replayed, replayed);
        }
    }
    assert_eq!(system.copies(), 2);
    let before = system.store.calls().len();
    let swept = system
        .cleaner(3600)
        .sweep(Mode::Delete, &mut |_| {})
        .await
        .expect("swept");
    assert_eq!(swept.deleted, 1);
    assert_eq!(system.world.draft_keys().await, [live_key]);
    let looks = system.store.calls().split_off(before).into_iter();
    let looks = looks.filter(|(call, _)| *call == Operation::HeadObject).count();
    assert_eq!(looks, WANTED, "no URL can write to an expired unique draft");

    let request = ConfirmUpload {
        object_name: "file.jpg".to_owned(),
        draft_id: Some(ended.clone()),
        destination_name: Some(ended),
        ..ConfirmUpload::default()
    };
    assert!(system.drafts.confirm(&request).await.expect("confirmed again").replayed);
}

async fn unique_draft_that_was_written_again_is_not_confirmed_again(ground: &Ground) {
    let system = ground.system().await;
    let (id, draft_key) = unique(FAR_AHEAD, 1);
    system.world.draft(&draft_key, "old").await;
    system.confirm_unique(&id).await.expect("confirmed");
    system.world.draft(&draft_key, "new").await;
    let refused = system.confirm_unique(&id).await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    assert_eq!(system.state("file.jpg").await.1.as_deref(), Some("old"));
}

async fn named_draft_uploaded_after_the_copy_is_not_deleted(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "old").await;
    for _look in ["draft", "main", "main again"] {
        system.store.before(Operation::HeadObject, async || {});
    }
    system.store.before(Operation::HeadObject, {
        let again = system.upload_again("a", "new");
        move || again
    });
    system.confirm("a").await.expect("confirmed");
    assert_eq!(system.state("a").await, state(Some("new"), Some("old")));
}

async fn draft_is_either_confirmed_or_discarded(ground: &Ground) {
    let system = ground.system().await;
    for round in 0..ROUNDS {
        let name = format!("a{round}");
        system.world.draft(&name, "bytes").await;
        let draft = DraftName {
            object_name: name.clone(),
            draft_id: None,
        };
        let (confirmed, discarded) = if round % 2 == 0 {
            tokio::join!(system.confirm(&name), system.drafts.discard(&draft))
        } else {
            let (discarded, confirmed) = tokio::join!(system.drafts.discard(&draft), system.confirm(&name));
            (confirmed, discarded)
        };
        let (_, main) = system.state(&name).await;
        match (confirmed, discarded.expect("discarded")) {
            (Ok(_), false) => assert_eq!(main.as_deref(), Some("bytes")),
            (Err(Error::NotFound(Missing::Draft)), true) => assert_eq!(main, None),
            both => panic!("round {round}: {both:?}"),
        }
    }
}

/// Uses more drafts than the sweep checks concurrently.
async fn draft_uploaded_again_before_the_sweep_checks_it_is_kept(ground: &Ground) {
    let system = ground.system().await;
    let one_by_one = system.honours(Condition::Delete);
    for n in 0..20 {
        system.world.draft(&format!("a{n:02}"), "old").await;
    }
    expire(&system.cleaner(1), 20).await;
    let operation = if one_by_one {
        Operation::DeleteObject
    } else {
        Operation::HeadObject
    };
    let wanted = if one_by_one { 0 } else { WANTED };
    for (name, earlier) in [("a00", wanted), ("a18", 17)] {
        for _ in 0..earlier {
            system.store.before(operation, async || {});
        }
        system.store.before(operation, {
            let again = system.upload_again(name, "new");
            move || again
        });
    }
    let swept = system.cleaner(1).sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.expired, swept.deleted, swept.failed), (20, 18, 0));
    assert_eq!(system.world.draft_keys().await, ["a00", "a18"]);
    let bulk = system.store.calls().into_iter();
    let bulk = bulk.filter(|(call, _)| *call == Operation::DeleteObjects).count();
    assert_eq!(bulk, if one_by_one { 0 } else { 2 });
}

/// The sweep then deletes drafts one by one, each with its condition.
#[tokio::test]
async fn draft_uploaded_again_is_kept_if_only_deletes_of_many_lack_conditions() {
    let ground = Ground::singly().await;
    draft_uploaded_again_before_the_sweep_checks_it_is_kept(&ground).await;
}

/// The store decides which of the two is copied first and rolled back.
async fn failed_batch_is_rolled_back(ground: &Ground) {
    let system = Arc::new(ground.system().await);
    for name in ["a", "b"] {
        system.world.draft(name, "bytes").await;
    }
    system.store.before(system.copying(), async || {});
    system
        .store
        .fail(system.copying(), draftstore_storage::ErrorKind::CredentialsRefused);
    let upload = |name: &str| ConfirmUpload {
        object_name: name.to_owned(),
        ..ConfirmUpload::default()
    };
    let batch = ConfirmBatch {
        uploads: vec![upload("a"), upload("b")],
        atomic: true,
    };
    let (outcomes, alone) = tokio::join!(system.drafts.confirm_batch(batch.clone()), system.confirm("a"));
    let outcomes = outcomes.expect("a batch");
    let told = |is: fn(&Error) -> bool| outcomes.iter().filter_map(|one| one.as_ref().err()).any(is);
    assert!(told(|error| matches!(error, Error::RolledBack)), "{outcomes:?}");
    assert!(
        told(|error| matches!(error, Error::StoreCredentials(_))),
        "{outcomes:?}"
    );
    assert!(!alone.expect("the confirm waited for the batch").replayed);
    assert_eq!(system.state("b").await, state(Some("bytes"), None));
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
}
