//! Deletes of confirmed objects.

use std::sync::Arc;

use draftstore_service::draft::{ConfirmBatch, ConfirmUpload, CopyObject, DeleteObject, ObjectDeleted};
use draftstore_service::{Error, Missing};
use draftstore_storage::{Condition, ErrorKind, Operation};
use draftstore_testing::key;
use futures::future::join;

use crate::ground::Ground;
use crate::system::{System, state};

/// The number of rounds of a race.
const ROUNDS: usize = 25;

promises! {
    failed_delete_is_repeated: strong, weak, sources, garage;
    delete_whose_answer_was_lost_has_deleted: strong, weak, sources, garage;
    object_replaced_before_the_delete_is_kept: strong;
    delete_that_another_server_was_faster_than_is_told: strong;
    confirm_is_told_that_its_object_was_deleted: strong, sources, garage;
    object_that_a_batch_may_undo_is_not_deleted: strong, weak, sources, garage;
    delete_without_the_right_says_so: strong, weak, sources, garage;
    object_is_confirmed_before_or_after_its_delete: strong, weak, sources, garage;
    batch_of_deletes_has_the_outcomes_of_single_ones: strong, weak, sources, garage;
    deletes_of_one_object_take_turns: strong, weak, sources, garage;
    moves_and_deletes_of_one_object_take_turns: strong, weak, sources, garage;
}

impl System {
    async fn delete(&self, name: &str) -> Result<ObjectDeleted, Error> {
        let request = DeleteObject {
            object_name: name.to_owned(),
            if_match: None,
        };
        self.drafts.delete_object(&request).await
    }

    async fn kept(&self, name: &str, bytes: &'static str) {
        self.world.draft(name, bytes).await;
        self.confirm(name).await.expect("confirmed");
    }

    /// Returns the calls of a future, once those of earlier confirms have ended.
    async fn calls_of<T>(&self, future: impl Future<Output = T>) -> (T, Vec<Operation>) {
        self.drafts.drain().await;
        let before = self.store.calls().len();
        let result = future.await;
        let calls = self.store.calls().split_off(before);
        (result, calls.into_iter().map(|(call, _)| call).collect())
    }

    /// Returns a future that deletes the object in main, as another server does.
    fn delete_beside(&self, name: &'static str) -> impl Future<Output = ()> + Send + use<> {
        let world = Arc::clone(&self.world);
        async move {
            let etag = world
                .storage
                .head(world.main.name(), &key(name))
                .await
                .expect("there")
                .etag;
            world
                .storage
                .undo_copy(&world.main, &key(name), &etag)
                .await
                .expect("deleted");
        }
    }
}

async fn failed_delete_is_repeated(ground: &Ground) {
    for kind in [ErrorKind::Unavailable, ErrorKind::Conflict] {
        let system = ground.system().await;
        system.kept("a", "bytes").await;
        system.store.fail(Operation::DeleteObject, kind);
        let deleted = system.delete("a").await.expect("deleted");
        assert!(deleted.etag.is_some() && deleted.undo_until.is_none(), "{deleted:?}");
        assert_eq!(system.state("a").await.1, None);
    }
    let system = ground.system().await;
    system.kept("a", "bytes").await;
    for _ in 0..3 {
        system.store.fail(Operation::DeleteObject, ErrorKind::Unavailable);
    }
    let failed = system.delete("a").await;
    assert!(matches!(failed, Err(Error::StoreUnavailable(_))), "{failed:?}");
    assert_eq!(system.state("a").await.1.as_deref(), Some("bytes"));
}

async fn delete_whose_answer_was_lost_has_deleted(ground: &Ground) {
    let system = ground.system().await;
    system.kept("a", "bytes").await;
    system.store.lose_the_answer(Operation::DeleteObject);
    let deleted = system.delete("a").await.expect("deleted");
    assert!(deleted.etag.is_some(), "{deleted:?}");
    assert_eq!(system.state("a").await.1, None);
    assert_eq!(system.delete("a").await.expect("nothing to delete").etag, None);
}

async fn object_replaced_before_the_delete_is_kept(ground: &Ground) {
    let system = ground.system().await;
    system.kept("a", "old").await;
    system.world.draft("a", "new").await;
    let other = system.other_server();
    let replace = ConfirmUpload {
        object_name: "a".to_owned(),
        overwrite: true,
        ..ConfirmUpload::default()
    };
    // The first delete is that of this call. The confirm deletes its draft.
    system.store.before(Operation::DeleteObject, move || async move {
        other.confirm(&replace).await.expect("replaced");
    });
    let failed = system.delete("a").await;
    assert!(matches!(failed, Err(Error::Changed)), "{failed:?}");
    assert_eq!(system.state("a").await.1.as_deref(), Some("new"));
}

/// The other server moves or deletes the object before the delete of this one, alone or of a batch.
async fn delete_that_another_server_was_faster_than_is_told(ground: &Ground) {
    for (moves, operation) in [
        (true, Operation::DeleteObject),
        (false, Operation::DeleteObject),
        (true, Operation::DeleteObjects),
        (false, Operation::DeleteObjects),
    ] {
        let system = ground.system().await;
        system.kept("a", "bytes").await;
        system.drafts.drain().await;
        let other = system.other_server();
        system.store.before(operation, move || async move {
            if moves {
                let elsewhere = CopyObject {
                    object_name: "a".to_owned(),
                    destination_name: "b".to_owned(),
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
        let request = DeleteObject {
            object_name: "a".to_owned(),
            if_match: None,
        };
        let deleted = if operation == Operation::DeleteObjects {
            let outcomes = system.drafts.delete_objects(&[request]).await;
            outcomes.expect("outcomes").remove(0)
        } else {
            system.drafts.delete_object(&request).await
        };
        assert_eq!(deleted.expect("there is nothing").etag, None);
        assert_eq!(system.state("b").await.1.as_deref(), moves.then_some("bytes"));
    }
}

async fn confirm_is_told_that_its_object_was_deleted(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    let looks = if system.honours(Condition::CopyToAbsent) { 1 } else { 2 };
    for _ in 0..looks {
        system.store.before(Operation::HeadObject, async || {});
    }
    let delete = system.delete_beside("a");
    system.store.before(Operation::HeadObject, move || delete);
    let failed = system.confirm("a").await;
    assert!(matches!(failed, Err(Error::Changed)), "{failed:?}");
    assert_eq!(system.state("a").await, state(Some("bytes"), None));
    system.confirm("a").await.expect("confirmed again");
    assert_eq!(system.state("a").await.1.as_deref(), Some("bytes"));
}

async fn object_that_a_batch_may_undo_is_not_deleted(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("a", "bytes").await;
    let batch = ConfirmBatch {
        uploads: vec![ConfirmUpload {
            object_name: "a".to_owned(),
            ..ConfirmUpload::default()
        }],
        atomic: true,
    };
    // A settlement that cannot be written leaves the batch unsettled.
    system.store.fail(Operation::PutObject, ErrorKind::Unavailable);
    if !system.honours(Condition::CopySource) {
        // The first object that is written is the note of a staged copy.
        system.store.restart();
        system.store.before(Operation::PutObject, async || {});
        system.store.fail(Operation::PutObject, ErrorKind::Unavailable);
    }
    let confirmed = system.drafts.confirm_batch(batch).await.expect("outcomes");
    assert!(confirmed[0].is_err(), "{confirmed:?}");
    assert_eq!(system.state("a").await.1.as_deref(), Some("bytes"));
    let failed = system.delete("a").await;
    assert!(matches!(failed, Err(Error::Busy)), "{failed:?}");
    assert_eq!(system.state("a").await.1.as_deref(), Some("bytes"));
    system.clock.advance(std::time::Duration::from_secs(3600));
    assert!(system.delete("a").await.expect("deleted").etag.is_some());
}

async fn delete_without_the_right_says_so(ground: &Ground) {
    let system = ground.system().await;
    system.kept("a", "bytes").await;
    system
        .store
        .fail(Operation::DeleteObject, ErrorKind::CredentialsRefused);
    let failed = system.delete("a").await;
    assert!(matches!(failed, Err(Error::DeletesNotPermitted(_))), "{failed:?}");
    assert_eq!(system.state("a").await.1.as_deref(), Some("bytes"));
}

async fn object_is_confirmed_before_or_after_its_delete(ground: &Ground) {
    let system = ground.system().await;
    for round in 0..ROUNDS {
        let name = format!("a{round}");
        system.world.draft(&name, "bytes").await;
        let (confirmed, deleted) = if round % 2 == 0 {
            tokio::join!(system.confirm(&name), system.delete(&name))
        } else {
            let (deleted, confirmed) = tokio::join!(system.delete(&name), system.confirm(&name));
            (confirmed, deleted)
        };
        let was_there = deleted.expect("deleted").etag.is_some();
        let (draft, main) = system.state(&name).await;
        match (confirmed, was_there) {
            (Ok(_), false) => assert_eq!(main.as_deref(), Some("bytes"), "round {round}"),
            (Ok(_), true) => assert_eq!(main, None, "round {round}"),
            (Err(Error::Changed), true) => assert_eq!((draft.as_deref(), main), (Some("bytes"), None), "round {round}"),
            both => panic!("round {round}: {both:?}"),
        }
    }
}

async fn batch_of_deletes_has_the_outcomes_of_single_ones(ground: &Ground) {
    let system = ground.system().await;
    for name in ["a", "b", "c"] {
        system.kept(name, "bytes").await;
    }
    let request = |name: &str, if_match: Option<&str>| DeleteObject {
        object_name: name.to_owned(),
        if_match: if_match.map(ToOwned::to_owned),
    };
    let requests = [
        request("a", None),
        request("b", Some("00000000000000000000000000000000")),
        request("none", None),
        request("/", None),
        request("c", None),
    ];
    let together = system.honours(Condition::DeleteMany);
    let operation = if together {
        Operation::DeleteObjects
    } else {
        Operation::DeleteObject
    };
    system.store.lose_the_answer(operation);
    let outcomes = system.drafts.delete_objects(&requests).await.expect("outcomes");
    let [a, b, none, invalid, c] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
    for deleted in [a, c] {
        assert!(deleted.as_ref().expect("deleted").etag.is_some());
    }
    assert!(matches!(b, Err(Error::PinMismatch { pin: "if_match" })), "{b:?}");
    assert_eq!(none.as_ref().expect("nothing to delete").etag, None);
    assert!(matches!(invalid, Err(Error::Invalid(_))), "{invalid:?}");
    let left = ["a", "b", "c"].map(|name| system.state(name));
    let left = futures::future::join_all(left)
        .await
        .into_iter()
        .map(|(_, main)| main.is_some());
    assert_eq!(left.collect::<Vec<_>>(), [false, true, false]);
    let deletes = system.store.calls().into_iter().filter(|(call, bucket)| {
        let deletes = [Operation::DeleteObject, Operation::DeleteObjects].contains(call);
        deletes && bucket == system.world.main.name()
    });
    if together {
        assert_eq!(deletes.count(), 1);
    }
}

async fn deletes_of_one_object_take_turns(ground: &Ground) {
    let system = ground.system().await;
    for name in ["alone", "a", "b", "c"] {
        system.kept(name, "bytes").await;
    }
    let (deleted, mut one_after_the_other) = system.calls_of(system.delete("alone")).await;
    assert!(deleted.expect("deleted").etag.is_some());
    // The second one finds nothing.
    one_after_the_other.push(Operation::HeadObject);
    let both = Box::pin(join(system.delete("a"), system.delete("a")));
    let ((first, second), calls) = system.calls_of(both).await;
    let found = [first, second].map(|deleted| deleted.expect("answered").etag.is_some());
    assert_eq!(found, [true, false]);
    assert_eq!(calls, one_after_the_other);

    let batch = |names: [&str; 2]| {
        names.map(|name| DeleteObject {
            object_name: name.to_owned(),
            if_match: None,
        })
    };
    let [one, other] = [batch(["b", "c"]), batch(["c", "b"])];
    let both = join(system.drafts.delete_objects(&one), system.drafts.delete_objects(&other));
    let (one, other) = both.await;
    let outcomes = [one, other]
        .map(|outcomes| outcomes.expect("outcomes"))
        .into_iter()
        .flatten();
    let found = outcomes.filter(|deleted| deleted.as_ref().expect("answered").etag.is_some());
    assert_eq!(found.count(), 2, "each object once");
}

async fn moves_and_deletes_of_one_object_take_turns(ground: &Ground) {
    let system = ground.system().await;
    let moving = |name: &str, destination: &str| CopyObject {
        object_name: name.to_owned(),
        destination_name: destination.to_owned(),
        ..CopyObject::default()
    };
    let is_gone = |error: &Error| matches!(error, Error::NotFound(Missing::Object));
    for round in 0..ROUNDS {
        let [name, left, right] = ["name", "left", "right"].map(|of| format!("{of} {round}"));
        system.kept(&name, "bytes").await;
        let (to_left, to_right) = (moving(&name, &left), moving(&name, &right));
        let is_there = async |name: &str| system.state(name).await.1.is_some();
        let moved = join(
            system.drafts.move_object(&to_left),
            system.drafts.move_object(&to_right),
        )
        .await;
        let (is_left, is_right) = (is_there(&left).await, is_there(&right).await);
        assert_eq!((moved.0.is_ok(), moved.1.is_ok()), (is_left, is_right), "{moved:?}");
        assert!(is_left != is_right && !is_there(&name).await, "one of them: {moved:?}");
        let lost = moved.0.err().or(moved.1.err()).expect("one of them");
        assert!(is_gone(&lost), "{lost:?}");

        let name = if is_left { left } else { right };
        let to_end = moving(&name, &format!("end {round}"));
        let (moved, deleted) = join(system.drafts.move_object(&to_end), system.delete(&name)).await;
        let is_deleted = deleted.expect("answered").etag.is_some();
        assert_eq!(moved.as_ref().is_err_and(is_gone), is_deleted, "{moved:?}");
        assert_eq!(is_there(&to_end.destination_name).await, !is_deleted);
    }
}
