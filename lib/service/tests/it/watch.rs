//! Watches of drafts.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::caller::CheckSettings;
use draftstore_service::draft::{
    CheckState, ConfirmUpload, DraftName, DraftState, DraftWatch, IssueUpload, WatchDraft,
};
use draftstore_service::{Caller, Drafts, Error, Missing};
use draftstore_storage::{Attributes, ErrorKind, ObjectKey, Operation, PutDraft};
use draftstore_testing::key;

use crate::ground::Ground;
use crate::system::System;

promises! {
    states_follow_each_other: strong, weak, sources, garage;
    all_who_watch_a_draft_share_the_calls: strong;
    confirm_of_another_server_is_seen: strong, weak, garage;
    discarded_draft_is_gone: strong;
    unique_draft_that_expires_before_it_arrives_is_gone: strong;
    failure_of_the_store_ends_a_watch: strong;
}

fn checking(drafts: &Drafts) -> Drafts {
    let settings: CheckSettings = serde_json::from_str(r#"{"type": {}}"#).expect("settings");
    let mut caller = Caller::anyone();
    caller.profile.checks = Some(settings.into());
    drafts.for_caller(Arc::new(caller))
}

async fn put(system: &System, key: &ObjectKey, bytes: &str) {
    let attributes = Attributes {
        content_type: "text/plain".parse().ok(),
        ..Attributes::default()
    };
    let put = PutDraft {
        bucket: &system.world.draft,
        key,
        bytes: bytes.as_bytes(),
        attributes: &attributes,
        if_absent: false,
    };
    system.world.storage.put_draft(&put).await.expect("uploaded");
}

fn named(name: &str) -> DraftName {
    DraftName {
        object_name: name.to_owned(),
        draft_id: None,
    }
}

async fn watch(drafts: &Drafts, draft: &DraftName, last: Option<&DraftState>) -> Result<DraftWatch, Error> {
    let request = WatchDraft {
        draft: draft.clone(),
        last_state_id: last.map(DraftState::id),
    };
    drafts.watch(&request).await
}

async fn next(watch: &mut DraftWatch) -> DraftState {
    watch.next().await.expect("a state").expect("no failure")
}

fn checks(state: &DraftState) -> Option<&CheckState> {
    match state {
        DraftState::Uploaded { checks, .. } => checks.as_ref(),
        DraftState::Waiting { .. } | DraftState::Confirmed | DraftState::Gone => panic!("{state:?} has no checks"),
    }
}

/// Issues a unique draft, and returns its name and its key.
async fn issued(system: &System) -> (DraftName, ObjectKey) {
    let request = IssueUpload {
        object_name: "a".to_owned(),
        unique: true,
        ..IssueUpload::default()
    };
    let issued = system.drafts.issue_upload(&request).await.expect("issued");
    let draft = DraftName {
        object_name: "a".to_owned(),
        draft_id: issued.draft_id.map(|id| id.to_string()),
    };
    let whole = system.drafts.whole_key(&draft).expect("valid");
    (draft, key(&whole))
}

async fn confirm(drafts: &Drafts, draft: &DraftName, destination: Option<&str>) {
    let request = ConfirmUpload {
        object_name: draft.object_name.clone(),
        draft_id: draft.draft_id.clone(),
        destination_name: destination.map(str::to_owned),
        ..ConfirmUpload::default()
    };
    drafts.confirm(&request).await.expect("confirmed");
}

async fn states_follow_each_other(ground: &Ground) {
    let system = ground.system().await;
    let drafts = checking(&system.drafts);
    let (draft, key) = issued(&system).await;
    let mut watched = watch(&drafts, &draft, None).await.expect("issued");
    assert!(matches!(next(&mut watched).await, DraftState::Waiting { .. }));
    put(&system, &key, "<!DOCTYPE html><script>alert(1)</script>").await;
    assert_eq!(checks(&next(&mut watched).await), Some(&CheckState::Uploaded));
    drafts.check(&draft).await.expect("checked");
    let mut state = next(&mut watched).await;
    if let Some(CheckState::Checking { checks, .. }) = checks(&state) {
        assert_eq!(checks, &["type"]);
        state = next(&mut watched).await;
    }
    assert!(matches!(checks(&state), Some(CheckState::Rejected(_))), "{state:?}");
    assert!(watched.next().await.is_none(), "it was final");
    let again = watch(&drafts, &draft, Some(&state)).await.expect("there");
    assert!(again.has_ended());

    put(&system, &key, "just a text").await;
    let mut watched = watch(&drafts, &draft, Some(&state)).await.expect("there");
    assert_eq!(
        checks(&next(&mut watched).await),
        Some(&CheckState::Uploaded),
        "another version"
    );
    confirm(&drafts, &draft, Some("elsewhere")).await;
    while let Some(state) = watched.next().await {
        if state.expect("no failure") == DraftState::Confirmed {
            assert!(watched.next().await.is_none(), "it was final");
            return;
        }
    }
    panic!("not confirmed");
}

async fn all_who_watch_a_draft_share_the_calls(ground: &Ground) {
    let system = ground.system().await;
    put(&system, &key("a"), "text").await;
    let before = system.store.calls().len();
    let mut watches = Vec::new();
    for _ in 0..100 {
        let mut one = watch(&system.drafts, &named("a"), None).await.expect("there");
        next(&mut one).await;
        watches.push(one);
    }
    let calls = system.store.calls().len() - before;
    assert!(calls < 20, "{calls} calls for one draft");
    confirm(&system.drafts, &named("a"), None).await;
    for one in &mut watches {
        assert_eq!(next(one).await, DraftState::Confirmed);
    }
}

async fn confirm_of_another_server_is_seen(ground: &Ground) {
    let system = ground.system().await;
    let (draft, key) = issued(&system).await;
    put(&system, &key, "text").await;
    let mut watched = watch(&system.drafts, &draft, None).await.expect("there");
    next(&mut watched).await;
    let other = system.other_server();
    confirm(&other, &draft, None).await;
    other.drain().await;
    assert_eq!(next(&mut watched).await, DraftState::Confirmed);
    let mut late = watch(&system.drafts, &draft, None).await.expect("known by main");
    assert_eq!(next(&mut late).await, DraftState::Confirmed);
}

async fn discarded_draft_is_gone(ground: &Ground) {
    let system = ground.system().await;
    put(&system, &key("a"), "text").await;
    let mut watched = watch(&system.drafts, &named("a"), None).await.expect("there");
    let last = next(&mut watched).await;
    assert!(system.drafts.discard(&named("a")).await.expect("discarded"));
    assert_eq!(next(&mut watched).await, DraftState::Gone);
    assert!(watched.next().await.is_none());
    let mut again = watch(&system.drafts, &named("a"), Some(&last)).await.expect("known");
    assert_eq!(next(&mut again).await, DraftState::Gone);
    let refused = watch(&system.drafts, &named("a"), None).await.expect_err("unknown");
    assert!(matches!(refused, Error::NotFound(Missing::Draft)), "{refused:?}");
}

async fn unique_draft_that_expires_before_it_arrives_is_gone(ground: &Ground) {
    let system = ground.system().await;
    let (draft, _) = issued(&system).await;
    let mut watched = watch(&system.drafts, &draft, None).await.expect("issued");
    let waiting = next(&mut watched).await;
    system.clock.advance(Duration::from_secs(100_000));
    let mut again = watch(&system.drafts, &draft, Some(&waiting)).await.expect("known");
    assert_eq!(next(&mut again).await, DraftState::Gone);
    let refused = watch(&system.drafts, &draft, None).await.expect_err("expired");
    assert!(matches!(refused, Error::NotFound(Missing::Draft)), "{refused:?}");
}

async fn failure_of_the_store_ends_a_watch(ground: &Ground) {
    let system = ground.system().await;
    put(&system, &key("a"), "text").await;
    let mut watched = watch(&system.drafts, &named("a"), None).await.expect("there");
    next(&mut watched).await;
    system.store.fail(Operation::HeadObject, ErrorKind::Unavailable);
    let failed = watched.next().await.expect("an end").expect_err("a failure");
    assert!(matches!(failed, Error::StoreUnavailable(_)), "{failed:?}");
    assert!(watched.next().await.is_none());
    let mut again = watch(&system.drafts, &named("a"), None).await.expect("there again");
    next(&mut again).await;
}
