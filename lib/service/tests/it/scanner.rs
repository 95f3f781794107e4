//! Scans of drafts for malware. Those by a real clamd are run by `bash .ci/run clamd`.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::caller::CheckSettings;
use draftstore_service::draft::{CheckLimits, CheckState, ConfirmUpload, Confirmed, DraftName};
use draftstore_service::{Caller, Drafts, Error};
use draftstore_storage::{Attributes, Operation, PutDraft};
use draftstore_testing::{Clamd, TestBuckets, key};
use tokio::net::TcpListener;

use crate::ground::Ground;
use crate::system::System;

/// Returns a server whose caller has drafts scanned by these daemons, if they have at most 1,000 bytes.
fn scanning(drafts: &Drafts, addresses: &[String], limits: CheckLimits) -> Drafts {
    let settings = serde_json::json!({"clamd": {"addresses": addresses, "max_bytes": 1000}});
    checked(&drafts.clone().with_check_limits(limits), settings)
}

/// Returns the same server, for a caller with these checks.
pub(crate) fn checked(drafts: &Drafts, settings: serde_json::Value) -> Drafts {
    let settings: CheckSettings = serde_json::from_value(settings).expect("settings");
    let mut caller = Caller::anyone();
    caller.profile.checks = Some(settings.into());
    drafts.for_caller(Arc::new(caller))
}

/// Returns the address of a daemon that takes connections and never answers, as long as the listener is kept.
async fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    (listener.local_addr().expect("bound").to_string(), listener)
}

async fn upload(system: &System, name: &str, bytes: &[u8]) {
    let put = PutDraft {
        bucket: &system.world.draft,
        key: &key(name),
        bytes,
        attributes: &Attributes::default(),
        if_absent: false,
    };
    system.world.storage.put_draft(&put).await.expect("uploaded");
}

async fn confirm(drafts: &Drafts, name: &str) -> Result<Confirmed, Error> {
    let request = ConfirmUpload {
        object_name: name.to_owned(),
        ..ConfirmUpload::default()
    };
    drafts.confirm(&request).await
}

/// Asserts that the error names the check and the scanner that had no result.
fn assert_unscanned(error: &Error, check: &str, name: &str) {
    let Error::ScannerUnavailable(scanner) = error else {
        panic!("another error: {error:?}");
    };
    assert_eq!((scanner.check, scanner.name.as_str()), (check, name));
}

/// Returns the codes of the reasons for which a draft is rejected.
async fn rejected(drafts: &Drafts, name: &str) -> Vec<String> {
    match confirm(drafts, name).await {
        Err(Error::Rejected(reasons)) => reasons.into_iter().map(|reason| reason.code).collect(),
        other => panic!("not rejected: {other:?}"),
    }
}

#[tokio::test]
async fn draft_that_no_scanner_scans_is_pending_and_never_confirmed() {
    let system = Ground::strong().await.system().await;
    upload(&system, "a", b"a text").await;
    let nowhere = ["unix:/nowhere/clamd".to_owned(), "unix:/nowhere/other".to_owned()];
    let limits = CheckLimits {
        wait: Duration::from_millis(50),
        timeout: Duration::from_millis(500),
        ..CheckLimits::default()
    };
    let impatient = scanning(&system.drafts, &nowhere, limits);
    let refused = confirm(&impatient, "a").await.expect_err("not scanned");
    assert!(matches!(refused, Error::ChecksPending), "{refused:?}");

    let patient = CheckLimits {
        wait: Duration::from_secs(20),
        ..limits
    };
    let patient = scanning(&system.drafts, &nowhere, patient);
    let refused = confirm(&patient, "a").await.expect_err("not scanned");
    assert_unscanned(&refused, "clamd", "clamd");
    assert_eq!(system.world.main_bytes(&key("a")).await, None);
}

#[tokio::test]
async fn silent_scanner_holds_up_no_draft_that_does_not_need_it() {
    let system = Ground::strong().await.system().await;
    let (address, _listener) = silent().await;
    let limits = CheckLimits {
        concurrent: 1,
        concurrent_scans: 1,
        wait: Duration::from_millis(50),
        timeout: Duration::from_secs(600),
    };
    let drafts = system.drafts.clone().with_check_limits(limits);
    let scan = |address: &str| serde_json::json!({"clamd": {"addresses": [address]}, "type": {}});
    let scanned = checked(&drafts, scan(&address));
    for name in ["a", "b", "c"] {
        upload(&system, name, b"a text").await;
        let pending = confirm(&scanned, name).await.expect_err("not scanned");
        assert!(matches!(pending, Error::ChecksPending), "{pending:?}");
    }
    let settled = async |drafts: &Drafts, name: &str| loop {
        match confirm(drafts, name).await {
            Err(Error::ChecksPending) => {}
            other => return other,
        }
    };
    upload(&system, "d", b"a text").await;
    let unscanned = checked(&drafts, serde_json::json!({"type": {}}));
    settled(&unscanned, "d").await.expect("confirmed");
    upload(&system, "e", &[0; 10]).await;
    let rejected = settled(&scanned, "e").await.expect_err("no known type");
    assert!(matches!(rejected, Error::Rejected(_)), "{rejected:?}");
    // Another scanner has slots of its own.
    upload(&system, "f", b"a text").await;
    let other = serde_json::json!({"clamd": {"addresses": ["unix:/nowhere/clamd"], "max_bytes": 1}});
    let rejected = settled(&checked(&drafts, other), "f").await.expect_err("too large");
    assert!(matches!(rejected, Error::Rejected(_)), "{rejected:?}");
}

#[tokio::test]
async fn drafts_that_wait_in_vain_for_a_scan_name_the_scanner() {
    let system = Ground::strong().await.system().await;
    let (address, _listener) = silent().await;
    let limits = CheckLimits {
        concurrent_scans: 1,
        wait: Duration::from_secs(60),
        timeout: Duration::from_millis(500),
        ..CheckLimits::default()
    };
    let drafts = scanning(&system.drafts, &[address], limits);
    for name in ["a", "b", "c"] {
        upload(&system, name, b"a text").await;
    }
    let (a, b, c) = tokio::join!(confirm(&drafts, "a"), confirm(&drafts, "b"), confirm(&drafts, "c"));
    for confirmed in [a, b, c] {
        assert_unscanned(&confirmed.expect_err("not scanned"), "clamd", "clamd");
    }
}

#[tokio::test]
async fn draft_that_is_too_large_to_scan_is_rejected() {
    let system = Ground::strong().await.system().await;
    upload(&system, "a", &[0; 1001]).await;
    let drafts = scanning(
        &system.drafts,
        &["unix:/nowhere/clamd".to_owned()],
        CheckLimits::default(),
    );
    assert_eq!(rejected(&drafts, "a").await, ["TOO_LARGE_TO_SCAN"]);
}

/// Returns a server whose caller has drafts accepted by the tag of a scanner.
fn tagged(system: &System, limits: CheckLimits) -> Drafts {
    let drafts = system.drafts.clone().with_check_limits(limits);
    checked(&drafts, serde_json::json!({"tag": {}}))
}

/// Puts the tag that the scanner leaves.
async fn tag(system: &System, name: &str, value: &str) {
    put_tag(&system.world, name, value).await;
}

async fn put_tag(world: &TestBuckets, name: &str, value: &str) {
    world.tag_draft(&key(name), "GuardDutyMalwareScanStatus", value).await;
}

const IMPATIENT: CheckLimits = CheckLimits {
    wait: Duration::from_millis(50),
    ..CheckLimits::DEFAULT
};

#[tokio::test]
async fn draft_is_confirmed_once_the_tag_of_a_scanner_accepts_it() {
    let system = Ground::strong().await.system().await;
    let drafts = tagged(&system, IMPATIENT);
    upload(&system, "a", b"a text").await;
    let pending = confirm(&drafts, "a").await.expect_err("no tag yet");
    assert!(matches!(pending, Error::ChecksPending), "{pending:?}");
    tag(&system, "a", "NO_THREATS_FOUND").await;
    let confirmed = loop {
        match confirm(&drafts, "a").await {
            Err(Error::ChecksPending) => {}
            confirmed => break confirmed,
        }
    };
    confirmed.expect("accepted");
}

#[tokio::test]
async fn draft_that_the_tag_of_a_scanner_refuses_is_rejected() {
    let system = Ground::strong().await.system().await;
    for value in ["THREATS_FOUND", "UNSUPPORTED"] {
        upload(&system, value, value.as_bytes()).await;
        tag(&system, value, value).await;
        let drafts = tagged(&system, CheckLimits::DEFAULT);
        assert_eq!(rejected(&drafts, value).await, ["REFUSED_BY_SCANNER"]);
    }
}

#[tokio::test]
async fn draft_without_a_verdict_in_its_tag_is_never_confirmed() {
    let system = Ground::strong().await.system().await;
    let limits = CheckLimits {
        wait: Duration::from_secs(60),
        timeout: Duration::from_millis(300),
        ..CheckLimits::DEFAULT
    };
    let drafts = tagged(&system, limits);
    for value in [
        None,
        Some("ACCESS_DENIED"),
        Some("FAILED"),
        Some("no_threats_found"),
        Some(""),
    ] {
        upload(&system, "a", b"a text").await;
        if let Some(value) = value {
            tag(&system, "a", value).await;
        }
        let refused = confirm(&drafts, "a").await.expect_err("no verdict");
        assert_unscanned(&refused, "tag", "the scanner of the tag GuardDutyMalwareScanStatus");
    }
}

#[tokio::test]
async fn tag_of_another_version_is_no_verdict() {
    let system = Ground::strong().await.system().await;
    let limits = CheckLimits {
        wait: Duration::from_secs(60),
        ..CheckLimits::default()
    };
    let drafts = tagged(&system, limits);
    upload(&system, "a", b"a text").await;
    let again = system.upload_again("a", "another text");
    let world = Arc::clone(&system.world);
    system.store.before(Operation::GetObjectTagging, || async move {
        again.await;
        put_tag(&world, "a", "NO_THREATS_FOUND").await;
    });
    let name = DraftName {
        object_name: "a".to_owned(),
        draft_id: None,
    };
    let checked = drafts.check(&name).await.expect("checked");
    assert_eq!(checked.state, Some(CheckState::Uploaded), "no verdict is recorded");
}

#[tokio::test]
#[ignore = "needs clamd on PATH: cargo test -p draftstore-service --test it -- --ignored clamd"]
async fn clamd_decides_what_is_confirmed() {
    let clamd = Clamd::start();
    let addresses = [
        "unix:/nowhere/clamd".to_owned(),
        format!("unix:{}", clamd.socket().display()),
    ];
    let system = Ground::strong().await.system().await;
    let limits = CheckLimits {
        wait: Duration::from_secs(60),
        ..CheckLimits::default()
    };
    let drafts = scanning(&system.drafts, &addresses, limits);
    upload(&system, "clean", b"a text").await;
    upload(&system, "malware", &[b"a text, and ", Clamd::MARKER].concat()).await;
    confirm(&drafts, "clean").await.expect("confirmed");
    assert_eq!(rejected(&drafts, "malware").await, ["MALWARE"]);
    let name = DraftName {
        object_name: "malware".to_owned(),
        draft_id: None,
    };
    let seen = drafts.inspect(&name).await.expect("there").checks;
    let Some(CheckState::Rejected(reasons)) = seen else {
        panic!("not rejected: {seen:?}");
    };
    assert!(reasons[0].detail.contains(Clamd::FOUND), "{reasons:?}");
}
