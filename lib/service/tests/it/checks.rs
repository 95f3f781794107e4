//! Checks of drafts before they are kept.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::caller::{CheckSettings, Checks};
use draftstore_service::cleaner::Mode;
use draftstore_service::draft::{CheckLimits, CheckState, ConfirmBatch, ConfirmUpload, Confirmed, DraftName};
use draftstore_service::{Caller, Drafts, Error, Secrets};
use draftstore_storage::{Attributes, ErrorKind, ListObjects, Operation, PutDraft};
use draftstore_testing::key;

use crate::ground::Ground;
use crate::system::{System, expire, state};

pub(crate) const GOOD: &str = "just a text";
pub(crate) const BAD: &str = "<!DOCTYPE html><script>alert(1)</script>";

promises! {
    accepted_draft_is_confirmed: strong, weak, sources, garage;
    rejected_draft_is_never_confirmed: strong, weak, sources, garage;
    bytes_swapped_after_the_verdict_are_checked_again: strong, weak, sources, garage;
    bytes_swapped_while_they_are_checked_are_not_confirmed: strong, weak, sources, garage;
    swaps_that_race_confirms_publish_nothing_rejected: strong, weak, sources, garage;
    verdict_of_one_server_is_used_by_another: strong, weak, sources, garage;
    verdict_under_other_settings_is_not_used: strong, weak, sources, garage;
    forged_verdict_counts_for_nothing: strong, weak, sources, garage;
    check_that_fails_is_no_verdict: strong, weak, sources, garage;
    confirm_does_not_wait_for_slow_checks: strong;
    lost_record_of_a_verdict_costs_another_check: strong, weak, sources, garage;
    confirmed_draft_is_answered_although_it_would_be_rejected_now: strong;
    atomic_batch_with_a_rejected_draft_changes_nothing: strong, weak, sources, garage;
    verdicts_are_swept: strong, weak, sources, garage;
    rejected_draft_is_swept_before_it_expires: strong;
    rejected_draft_expires_where_deletes_have_no_condition: weak, sources, garage;
}

/// Returns a server whose caller may upload texts alone, and has these checks, in TOML's place a JSON text.
pub(crate) fn checking(drafts: &Drafts, settings: &str) -> Drafts {
    let settings: CheckSettings = serde_json::from_str(settings).expect("settings");
    let mut caller = Caller::anyone();
    caller.profile.content_types = Some("text/plain".parse().expect("a media type"));
    caller.profile.checks = Some(Checks {
        settings,
        content_types: caller.profile.content_types.clone(),
    });
    drafts.for_caller(Arc::new(caller))
}

pub(crate) const TYPES: &str = r#"{"type": {}}"#;
const ALL_TYPES: &str = r#"{"type": {"allow_unknown": true}}"#;

async fn confirm(drafts: &Drafts, name: &str) -> Result<Confirmed, Error> {
    let request = ConfirmUpload {
        object_name: name.to_owned(),
        ..ConfirmUpload::default()
    };
    drafts.confirm(&request).await
}

fn name(name: &str) -> DraftName {
    DraftName {
        object_name: name.to_owned(),
        draft_id: None,
    }
}

/// Uploads a text, which its uploader declares to be one.
pub(crate) async fn upload(system: &System, name: &str, bytes: &str) {
    let attributes = Attributes {
        content_type: "text/plain".parse().ok(),
        ..Attributes::default()
    };
    let put = PutDraft {
        bucket: &system.world.draft,
        key: &key(name),
        bytes: bytes.as_bytes(),
        attributes: &attributes,
        if_absent: false,
    };
    system.world.storage.put_draft(&put).await.expect("uploaded");
}

fn reads(system: &System) -> usize {
    let calls = system.store.calls().into_iter();
    calls.filter(|(call, _)| *call == Operation::GetObject).count()
}

async fn accepted_draft_is_confirmed(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, TYPES);
    upload(&system, "a", GOOD).await;
    let seen = drafts.inspect(&name("a")).await.expect("there");
    assert_eq!(seen.checks, Some(CheckState::Uploaded));
    let checked = drafts.check(&name("a")).await.expect("checked");
    let accepted = CheckState::Accepted {
        media_type: "text/plain".parse().ok(),
    };
    assert_eq!(checked.state, Some(accepted.clone()));
    let read = reads(&system);
    assert_eq!(drafts.inspect(&name("a")).await.expect("there").checks, Some(accepted));
    let confirmed = confirm(&drafts, "a").await.expect("confirmed");
    assert_eq!(confirmed.content_type.as_deref(), Some("text/plain"));
    assert_eq!(reads(&system), read, "the verdict is recorded");
    assert_eq!(system.state("a").await.1.as_deref(), Some(GOOD));
}

async fn rejected_draft_is_never_confirmed(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, TYPES);
    upload(&system, "a", BAD).await;
    for _ in 0..2 {
        let refused = confirm(&drafts, "a").await.expect_err("rejected");
        assert!(
            matches!(&refused, Error::Rejected(reasons) if !reasons.is_empty()),
            "{refused:?}"
        );
    }
    let seen = drafts.inspect(&name("a")).await.expect("there");
    assert!(matches!(seen.checks, Some(CheckState::Rejected(_))), "{seen:?}");
    assert_eq!(system.state("a").await, state(Some(BAD), None));
}

async fn bytes_swapped_after_the_verdict_are_checked_again(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, TYPES);
    upload(&system, "a", GOOD).await;
    drafts.check(&name("a")).await.expect("checked");
    system.store.before(system.copying(), {
        let again = system.upload_again("a", BAD);
        || again
    });
    let refused = confirm(&drafts, "a").await.expect_err("swapped");
    assert!(matches!(refused, Error::Rejected(_)), "{refused:?}");
    assert_eq!(system.state("a").await, state(Some(BAD), None));
}

async fn bytes_swapped_while_they_are_checked_are_not_confirmed(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, TYPES);
    upload(&system, "a", GOOD).await;
    system.store.before(Operation::GetObject, {
        let again = system.upload_again("a", BAD);
        || again
    });
    let refused = confirm(&drafts, "a").await.expect_err("swapped");
    assert!(matches!(refused, Error::ChecksPending), "{refused:?}");
    let refused = confirm(&drafts, "a").await.expect_err("rejected");
    assert!(matches!(refused, Error::Rejected(_)), "{refused:?}");
    assert_eq!(system.state("a").await, state(Some(BAD), None));
}

/// The number of races, unless `SWAP_RACES` sets another.
const SWAP_RACES: usize = 8;

/// Replaces bytes that the checks have accepted with others, while two servers confirm them and somebody reads main.
async fn swaps_that_race_confirms_publish_nothing_rejected(ground: &Ground) {
    let races = std::env::var("SWAP_RACES").map_or(SWAP_RACES, |races| races.parse().expect("a number"));
    let system = ground.system().await;
    let servers = [&system.drafts, &system.other_server()].map(|drafts| checking(drafts, TYPES));
    let mut kept = 0;
    for race in 0..races {
        let name = format!("draft {race}");
        upload(&system, &name, GOOD).await;
        let checked = servers[race % 2].check(&self::name(&name)).await.expect("checked");
        assert!(
            matches!(checked.state, Some(CheckState::Accepted { .. })),
            "{checked:?}"
        );
        let swap = async {
            // So that the swap meets each call of the confirms.
            for _ in 0..race % 8 {
                system.world.draft_bytes(&key(&name)).await;
            }
            upload(&system, &name, BAD).await;
        };
        let reads = async {
            for _ in 0..4 {
                let published = system.world.main_bytes(&key(&name)).await;
                assert!(published.is_none_or(|bytes| bytes == GOOD.as_bytes()), "race {race}");
            }
        };
        let [one, other] = [0, 1].map(|server| confirm(&servers[server], &name));
        let (one, other, (), ()) = tokio::join!(one, other, swap, reads);
        let is_kept = one.is_ok() || other.is_ok();
        for confirmed in [one, other] {
            match confirmed {
                Ok(confirmed) => assert_eq!(confirmed.size, GOOD.len() as u64, "race {race}"),
                Err(Error::Rejected(_) | Error::ChecksPending | Error::Changed) => {}
                // The other confirm was first, and then came the swap.
                Err(Error::AlreadyExists) if is_kept => {}
                Err(error) => panic!("race {race}: {error:?}"),
            }
        }
        kept += usize::from(is_kept);
        let expected = is_kept.then(|| GOOD.to_owned());
        assert_eq!(system.state(&name).await.1, expected, "race {race}");
    }
    println!("{kept} of {races} confirms were before the swap, and the others kept nothing");
}

async fn verdict_of_one_server_is_used_by_another(ground: &Ground) {
    let system = ground.system().await;
    upload(&system, "a", GOOD).await;
    checking(&system.drafts, TYPES)
        .check(&name("a"))
        .await
        .expect("checked");
    let read = reads(&system);
    let other = checking(&system.other_server(), TYPES);
    confirm(&other, "a").await.expect("confirmed");
    assert_eq!(reads(&system), read, "nothing is read again");
}

async fn verdict_under_other_settings_is_not_used(ground: &Ground) {
    let system = ground.system().await;
    upload(&system, "a", GOOD).await;
    checking(&system.drafts, ALL_TYPES)
        .check(&name("a"))
        .await
        .expect("checked");
    let read = reads(&system);
    let drafts = checking(&system.drafts, TYPES);
    assert_eq!(
        drafts.inspect(&name("a")).await.expect("there").checks,
        Some(CheckState::Uploaded)
    );
    confirm(&drafts, "a").await.expect("confirmed");
    assert!(reads(&system) > read, "it is checked again");
}

/// A verdict that another server sealed with another secret, or for another draft, is put where ours would be.
async fn forged_verdict_counts_for_nothing(ground: &Ground) {
    let system = ground.system().await;
    upload(&system, "a", GOOD).await;
    upload(&system, "b", BAD).await;
    let drafts = checking(&system.drafts, TYPES);
    let verdicts = || async {
        let list = ListObjects {
            prefix: Some(".drafts/verdicts/".to_owned()),
            ..ListObjects::default()
        };
        let page = system.world.storage.list(system.world.draft.name(), &list).await;
        page.expect("listed").objects
    };
    drafts.check(&name("a")).await.expect("checked");
    let accepted = verdicts().await.remove(0);
    drafts.check(&name("b")).await.expect("checked");
    let rejected = verdicts().await.into_iter().find(|one| one.key != accepted.key);
    let rejected = rejected.expect("two verdicts").key;
    let sealed = system
        .world
        .storage
        .head(system.world.draft.name(), &accepted.key)
        .await;
    let metadata = sealed.expect("there").attributes.metadata;
    for metadata in [
        metadata,
        [("draftstore-verdict".to_owned(), "accepted".to_owned())].into(),
    ] {
        let attributes = Attributes {
            metadata,
            ..Attributes::default()
        };
        let put = PutDraft {
            bucket: &system.world.draft,
            key: &rejected,
            bytes: &[],
            attributes: &attributes,
            if_absent: false,
        };
        system.world.storage.put_draft(&put).await.expect("put");
        let refused = confirm(&drafts, "b").await.expect_err("not accepted");
        assert!(matches!(refused, Error::Internal(_)), "{refused:?}");
        let refused = drafts.inspect(&name("b")).await.expect_err("not readable");
        assert!(matches!(refused, Error::Internal(_)), "{refused:?}");
    }
    let stranger = checking(&system.drafts.clone().with_secrets(Arc::new(Secrets::random())), TYPES);
    let read = reads(&system);
    confirm(&stranger, "a").await.expect("confirmed");
    assert!(reads(&system) > read, "a verdict of other secrets is not found");
    assert_eq!(system.state("b").await, state(Some(BAD), None));
}

async fn check_that_fails_is_no_verdict(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, TYPES);
    for bytes in [GOOD, BAD] {
        upload(&system, "a", bytes).await;
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::Unexpected,
            ErrorKind::CredentialsRefused,
        ] {
            system.store.fail(Operation::GetObject, kind);
            confirm(&drafts, "a").await.expect_err("not checked");
        }
        assert_eq!(system.world.main_bytes(&key("a")).await, None);
    }
    upload(&system, "a", GOOD).await;
    confirm(&drafts, "a").await.expect("checked, and confirmed");
}

async fn confirm_does_not_wait_for_slow_checks(ground: &Ground) {
    let system = ground.system().await;
    let limits = CheckLimits {
        wait: Duration::from_millis(50),
        ..CheckLimits::default()
    };
    let drafts = checking(&system.drafts.clone().with_check_limits(limits), TYPES);
    upload(&system, "a", GOOD).await;
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    system.store.before(Operation::GetObject, || async {
        let _ = gone.await;
    });
    for _ in 0..2 {
        let pending = confirm(&drafts, "a").await.expect_err("slow");
        assert!(matches!(pending, Error::ChecksPending), "{pending:?}");
        let seen = drafts.inspect(&name("a")).await.expect("there");
        assert!(matches!(seen.checks, Some(CheckState::Checking { .. })), "{seen:?}");
    }
    go.send(()).expect("the check waits");
    while matches!(
        drafts.inspect(&name("a")).await.expect("there").checks,
        Some(CheckState::Checking { .. })
    ) {}
    assert_eq!(reads(&system), 1, "one check");
    confirm(&drafts, "a").await.expect("confirmed");
}

async fn lost_record_of_a_verdict_costs_another_check(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, TYPES);
    upload(&system, "a", GOOD).await;
    system.store.fail(Operation::PutObject, ErrorKind::Unavailable);
    let checked = drafts.check(&name("a")).await.expect("checked");
    assert!(matches!(checked.state, Some(CheckState::Accepted { .. })));
    let read = reads(&system);
    confirm(&drafts, "a").await.expect("confirmed");
    assert!(reads(&system) > read);
}

async fn confirmed_draft_is_answered_although_it_would_be_rejected_now(ground: &Ground) {
    let system = ground.system().await;
    upload(&system, "a", BAD).await;
    // The delete of the draft fails, so that it stays.
    system.store.fail(system.deleting(), ErrorKind::CredentialsRefused);
    confirm(&system.drafts, "a").await.expect("no checks yet");
    assert_eq!(system.state("a").await, state(Some(BAD), Some(BAD)));
    let again = checking(&system.other_server(), TYPES);
    assert!(confirm(&again, "a").await.expect("confirmed before").replayed);
}

async fn atomic_batch_with_a_rejected_draft_changes_nothing(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, TYPES);
    upload(&system, "a", GOOD).await;
    upload(&system, "b", BAD).await;
    let upload = |name: &str| ConfirmUpload {
        object_name: name.to_owned(),
        ..ConfirmUpload::default()
    };
    let batch = ConfirmBatch {
        uploads: vec![upload("a"), upload("b")],
        atomic: true,
    };
    let outcomes = drafts.confirm_batch(batch).await.expect("answered");
    assert!(matches!(outcomes[0], Err(Error::RolledBack)), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(Error::Rejected(_))), "{outcomes:?}");
    for (name, bytes) in [("a", GOOD), ("b", BAD)] {
        assert_eq!(system.state(name).await, state(Some(bytes), None));
    }
}

async fn verdicts_are_swept(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, TYPES);
    upload(&system, "a", BAD).await;
    confirm(&drafts, "a").await.expect_err("rejected");
    expire(&system.cleaner(1), 2).await;
    let swept = system.cleaner(1).sweep(Mode::Delete, &mut |_| {}).await;
    swept.expect("swept");
    let everything = ListObjects::default();
    let left = system.world.storage.list(system.world.draft.name(), &everything);
    assert_eq!(left.await.expect("listed").objects, []);
}

/// Sweeps as soon as the notes of this number of drafts have expired, and returns the names of what is left, but verdicts.
async fn sweep_rejected(system: &System, notes: u64) -> Vec<String> {
    let cleaner = system.cleaner(3600);
    expire(&cleaner, notes).await;
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!(swept.failed, 0);
    let everything = ListObjects::default();
    let left = system.world.storage.list(system.world.draft.name(), &everything);
    let left = left.await.expect("listed").objects.into_iter();
    left.map(|object| object.key.to_string())
        .filter(|key| !key.starts_with(".drafts/verdicts/"))
        .collect()
}

const SWEPT: &str = r#"{"type": {}, "keep_rejected": 0}"#;

async fn rejected_draft_is_swept_before_it_expires(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, SWEPT);
    for (name, bytes, drafts) in [
        ("bad", BAD, &drafts),
        ("again", BAD, &drafts),
        ("good", GOOD, &drafts),
        ("ordinary", BAD, &checking(&system.drafts, TYPES)),
        (
            "late",
            BAD,
            &checking(&system.drafts, r#"{"type": {}, "keep_rejected": 60}"#),
        ),
        (
            "never",
            BAD,
            &checking(&system.drafts, &SWEPT.replace(": 0", ": 18446744073709551615")),
        ),
    ] {
        upload(&system, name, bytes).await;
        let checked = drafts.check(&self::name(name)).await.expect("checked").state;
        let is_rejected = matches!(checked, Some(CheckState::Rejected(_)));
        assert_eq!(is_rejected, bytes == BAD, "{name}: {checked:?}");
    }
    upload(&system, "again", GOOD).await;
    let left = sweep_rejected(&system, 2).await;
    let notes = |name: &&String| name.starts_with(".drafts/rejected/");
    assert_eq!(left.iter().filter(notes).count(), 1, "that of the late one: {left:?}");
    let drafts: Vec<_> = left.iter().filter(|name| !notes(name)).collect();
    assert_eq!(drafts, ["again", "good", "late", "never", "ordinary"]);
}

async fn rejected_draft_expires_where_deletes_have_no_condition(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts, SWEPT);
    upload(&system, "bad", BAD).await;
    confirm(&drafts, "bad").await.expect_err("rejected");
    assert_eq!(sweep_rejected(&system, 1).await, ["bad"]);
}
