//! The requests of a confirm on the wire, in order: no more than its plan needs. And those of calls on confirmed objects.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::draft::{
    CheckLimits, CheckState, ConfirmBatch, ConfirmLimits, ConfirmUpload, CopyObject, DeleteObject, DescribeObject,
    DraftName, RestoreVersion, UpdateObject,
};
use draftstore_service::{AllowedOrigins, Buckets, Drafts, Policy, Store, StoreProfile, SystemClock};
use draftstore_storage::{Capabilities, Condition, IfDestination, Operation, Support};
use draftstore_testing::proxy::{FaultProxy, Request};
use draftstore_testing::{TestBuckets, connect, key, settings};
use serde_json::json;

use crate::ground::SOURCES;
use crate::scanner::checked;
use crate::system::{FAR_AHEAD, unique};

/// The limit that drafts exceed if they are to be copied in parts.
const MAX_COPY_BYTES: u64 = 16;
const SMALL: &str = "small";
const LARGE: &str = "larger than one copy carries";

/// The kind of a confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Named,
    Unique,
    /// Overwrites an existing object.
    Overwrite,
    /// Copies the draft in parts.
    Large,
    /// Repeats an earlier confirm.
    Repeat,
    /// Confirms an atomic batch of one draft.
    Atomic,
}

/// The plan for a store that honours every condition.
const STRONG: [(Kind, &[&str]); 6] = [
    (Kind::Named, &["HEAD draft", "copy", "HEAD main", "DELETE drafts"]),
    (Kind::Unique, &["HEAD draft", "copy", "HEAD main", "DELETE drafts"]),
    (
        Kind::Overwrite,
        &["HEAD draft", "HEAD main", "copy", "HEAD main", "DELETE drafts"],
    ),
    (
        Kind::Large,
        &[
            "HEAD draft",
            "HEAD main",
            "PUT note",
            "create upload",
            "copy part",
            "complete",
            "DELETE note",
            "HEAD main",
            "DELETE drafts",
        ],
    ),
    (Kind::Repeat, &["HEAD draft", "HEAD main"]),
    (
        Kind::Atomic,
        &[
            "HEAD draft",
            "HEAD main",
            "copy",
            "HEAD main",
            "PUT settlement",
            "DELETE drafts",
        ],
    ),
];

/// The plan for a store that honours only conditions on the source of a copy. Main and the draft are read instead.
const SOURCES_ALONE: [(Kind, &[&str]); 6] = [
    (
        Kind::Named,
        &[
            "HEAD draft",
            "HEAD main",
            "copy",
            "HEAD main",
            "HEAD draft",
            "DELETE draft",
        ],
    ),
    (Kind::Unique, &["HEAD draft", "HEAD main", "copy", "HEAD main"]),
    (
        Kind::Overwrite,
        &[
            "HEAD draft",
            "HEAD main",
            "copy",
            "HEAD main",
            "HEAD draft",
            "DELETE draft",
        ],
    ),
    (
        Kind::Large,
        &[
            "HEAD draft",
            "HEAD main",
            "PUT note",
            "create upload",
            "copy part",
            "HEAD main",
            "complete",
            "DELETE note",
            "HEAD main",
            "HEAD draft",
            "DELETE draft",
        ],
    ),
    (Kind::Repeat, &["HEAD draft", "HEAD main"]),
    (
        Kind::Atomic,
        &[
            "HEAD draft",
            "HEAD main",
            "copy",
            "HEAD main",
            "PUT settlement",
            "HEAD draft",
            "DELETE draft",
        ],
    ),
];

/// The plan for a store that honours no condition. Every draft is copied in parts, and compared before it becomes
/// visible.
const NONE: [(Kind, &[&str]); 3] = [
    (
        Kind::Named,
        &[
            "HEAD draft",
            "HEAD main",
            "PUT note",
            "create upload",
            "copy part",
            "HEAD draft",
            "HEAD main",
            "complete",
            "DELETE note",
            "HEAD main",
            "HEAD draft",
            "DELETE draft",
        ],
    ),
    (
        Kind::Unique,
        &[
            "HEAD draft",
            "HEAD main",
            "PUT note",
            "create upload",
            "copy part",
            "HEAD draft",
            "HEAD main",
            "complete",
            "DELETE note",
            "HEAD main",
        ],
    ),
    (Kind::Repeat, &["HEAD draft", "HEAD main"]),
];

/// A call on a confirmed object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Describe,
    Update,
    Copy,
    Move,
    /// Moves the object over another one.
    MoveOver,
    Delete,
    /// Deletes two objects together.
    DeleteTwo,
    /// Restores what was replaced.
    Restore,
    /// Restores what was deleted.
    Undelete,
}

const CHANGES: [(Change, &[&str]); 7] = [
    (Change::Describe, &["HEAD main"]),
    (Change::Update, &["HEAD main", "copy"]),
    (Change::Copy, &["HEAD main", "copy"]),
    (Change::Move, &["HEAD main", "copy", "DELETE main"]),
    (Change::MoveOver, &["HEAD main", "HEAD main", "copy", "DELETE main"]),
    (Change::Delete, &["HEAD main", "DELETE main"]),
    (Change::DeleteTwo, &["HEAD main", "HEAD main", "DELETE objects"]),
];

/// The calls where main has versions. The rules that remove them were read before.
const CHANGES_OF_VERSIONS: [(Change, &[&str]); 4] = [
    (Change::Move, &["HEAD main", "copy", "DELETE main"]),
    (Change::Delete, &["HEAD main", "DELETE main"]),
    (Change::Restore, &["HEAD main", "HEAD version", "copy"]),
    (
        Change::Undelete,
        &["HEAD main", "list versions", "HEAD version", "copy"],
    ),
];

/// The calls where the server keeps copies of what is replaced and deleted.
const CHANGES_WITH_COPIES: [(Change, &[&str]); 5] = [
    (Change::Move, &["HEAD main", "copy", "DELETE main"]),
    (
        Change::MoveOver,
        &["HEAD main", "HEAD main", "HEAD main", "copy", "copy", "DELETE main"],
    ),
    (Change::Delete, &["HEAD main", "HEAD main", "copy", "DELETE main"]),
    (
        Change::Restore,
        &["HEAD main", "HEAD copy", "HEAD main", "copy", "copy"],
    ),
    (
        Change::Undelete,
        &["HEAD main", "GET versioning", "list copies", "HEAD copy", "copy"],
    ),
];

#[tokio::test]
async fn changes_of_a_confirmed_object_make_these_calls() {
    let bench = Bench::start(Capabilities::ALL).await;
    bench.assert_changes(&CHANGES).await;
}

#[tokio::test]
async fn changes_of_an_object_with_versions_make_these_calls() {
    let bench = Bench::start(Capabilities::ALL).await;
    bench.world.keep_versions().await;
    bench.keep("first", "first").await;
    bench.change(Change::Delete, "first", None).await;
    bench.assert_changes(&CHANGES_OF_VERSIONS).await;
}

#[tokio::test]
async fn changes_of_an_object_with_copies_make_these_calls() {
    let bench = Bench::start_keeping(Capabilities::ALL, Some(Duration::from_secs(3600))).await;
    bench.assert_changes(&CHANGES_WITH_COPIES).await;
}

#[tokio::test]
async fn plan_for_a_store_that_honours_every_condition_makes_these_calls() {
    assert_plan(Capabilities::ALL, &STRONG).await;
}

#[tokio::test]
async fn drafts_are_deleted_one_by_one_without_the_condition_of_delete_objects() {
    let capabilities = Capabilities::ALL.with(Condition::DeleteMany, Support::Ignored);
    let single = STRONG.map(|(kind, calls)| {
        let alone = |call: &&'static str| if *call == "DELETE drafts" { "DELETE draft" } else { call };
        (kind, calls.iter().map(alone).collect::<Vec<_>>())
    });
    assert_plan(
        capabilities,
        &single.each_ref().map(|(kind, calls)| (*kind, &calls[..])),
    )
    .await;
}

#[tokio::test]
async fn plan_for_a_store_with_conditions_on_sources_makes_these_calls() {
    assert_plan(SOURCES, &SOURCES_ALONE).await;
}

#[tokio::test]
async fn plan_for_a_store_without_conditions_makes_these_calls() {
    assert_plan(Capabilities::NONE, &NONE).await;
}

/// A new connection costs one to three round trips, as much as half of the calls of a confirm. The client may open a
/// second one while the first is still busy with its last response. Both are then reused.
#[tokio::test]
async fn sequential_confirms_share_connections() {
    let bench = Bench::start(Capabilities::ALL).await;
    for n in 0..10 {
        let name = format!("a{n}");
        bench.world.draft(&name, SMALL).await;
        bench.confirm(&name, Kind::Named).await;
        bench.drafts.drain().await;
    }
    assert_eq!(bench.proxy.requests().len(), 40);
    let opened = bench.proxy.connections();
    assert!(opened <= 2, "{opened} connections for one call after the other");
}

/// The plans above are those of callers whose profile has no checks: there, checks cost no call.
#[tokio::test]
async fn type_of_a_large_draft_costs_two_ranges() {
    let mut bench = Bench::start(Capabilities::ALL).await;
    bench.drafts = checked(&bench.drafts, json!({"type": {}}));
    bench.world.draft("a", "a text ".repeat(1_000_000)).await;
    bench.confirm("a", Kind::Named).await;
    bench.drafts.drain().await;
    let plan = |kind| STRONG.iter().find(|(other, _)| *other == kind).expect("a plan").1;
    let checks = ["HEAD verdict", "GET range", "GET range", "PUT verdict"];
    let large = plan(Kind::Large);
    assert_eq!(bench.calls_since(0), [&large[..1], &checks, &large[1..]].concat());
    assert!(bench.range_bytes() <= 128 * 1024, "{:?}", bench.proxy.requests());

    bench.world.draft("b", SMALL).await;
    bench.check("b").await;
    let seen = bench.proxy.requests().len();
    bench.confirm("b", Kind::Named).await;
    bench.drafts.drain().await;
    let named = plan(Kind::Named);
    assert_eq!(
        bench.calls_since(seen),
        [&named[..1], &checks[..1], &named[1..]].concat(),
        "the verdict is recorded"
    );
}

#[tokio::test]
async fn list_of_an_archive_costs_four_ranges() {
    const ENTRIES: u32 = 100_000;
    const LARGEST: usize = 20 * 1024 * 1024;
    let mut bench = Bench::start(Capabilities::ALL).await;
    let settings = json!({"type": {}, "archive": {"max_entries": ENTRIES}});
    bench.drafts = checked(&bench.drafts, settings);
    let archive = archive(ENTRIES, LARGEST);
    assert!(archive.len() > LARGEST + 10_000_000);
    bench.world.draft("a", archive).await;
    bench.check("a").await;
    let calls = bench.calls_since(0);
    let ranges = calls.iter().filter(|call| **call == "GET range").count();
    assert!(ranges <= 4, "{calls:?}");
    assert!(bench.range_bytes() <= 16 * 1024 * 1024, "{:?}", bench.proxy.requests());
    bench.confirm("a", Kind::Named).await;
}

/// A zip archive of this many entries, which are empty but for the first.
fn archive(entries: u32, largest: usize) -> Vec<u8> {
    let (mut files, mut directory) = (Vec::new(), Vec::new());
    for number in 0..entries {
        let bytes = vec![0; if number == 0 { largest } else { 0 }];
        let (name, place) = (format!("files/{number:09}"), u32::try_from(files.len()).expect("small"));
        let [size, name_size] = [bytes.len(), name.len()].map(|size| u32::try_from(size).expect("small").to_le_bytes());
        // Version, flags, method, time, date, CRC, both sizes and the lengths of the name and of extra fields.
        let common = [&[20, 0][..], &[0; 12], &size, &size, &name_size[..2], &[0; 2]].concat();
        files.extend([b"PK\x03\x04", &common[..], name.as_bytes(), &bytes].concat());
        let rest = [&[0; 10][..], &place.to_le_bytes()].concat();
        directory.extend([b"PK\x01\x02\x14\0", &common[..], &rest, name.as_bytes()].concat());
    }
    let [count, size, start, end] = [
        entries as usize,
        directory.len(),
        files.len(),
        files.len() + directory.len(),
    ]
    .map(|number| (number as u64).to_le_bytes());
    // Zip64, for more than 65,535 entries.
    let long_end = [
        b"PK\x06\x06",
        &44_u64.to_le_bytes()[..],
        &[45, 0, 45, 0],
        &[0; 8],
        &count,
        &count,
        &size,
        &start,
    ];
    let locator = [b"PK\x06\x07", &[0; 4][..], &end, &1_u32.to_le_bytes()];
    let last = [b"PK\x05\x06", &[0; 4][..], &[0xff; 12], &[0; 2]];
    [files, directory, long_end.concat(), locator.concat(), last.concat()].concat()
}

/// The service, with a recorder of the requests to its store.
struct Bench {
    world: TestBuckets,
    proxy: FaultProxy,
    drafts: Drafts,
}

impl Bench {
    /// Starts the service on a store with known capabilities.
    async fn start(known: Capabilities) -> Self {
        Self::start_keeping(known, None).await
    }

    /// Starts the service, which keeps copies of what is replaced for so long.
    async fn start_keeping(known: Capabilities, replaced_lifetime: Option<Duration>) -> Self {
        let world = TestBuckets::embedded().await;
        let proxy = FaultProxy::start(&world.endpoint);
        let buckets = Buckets::new(world.draft.clone(), world.main.clone());
        let storage = Arc::new(connect(settings(&proxy.endpoint())).await);
        let store = Store::new(storage, buckets).with_profile(StoreProfile::known(known));
        let hour = Duration::from_secs(3600);
        let policy = Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy");
        let policy = policy.keeping_replaced_for(replaced_lifetime);
        let limits = ConfirmLimits {
            max_copy_bytes: MAX_COPY_BYTES,
            ..ConfirmLimits::default()
        };
        let drafts = Drafts::new(store, policy, AllowedOrigins::default(), Arc::new(SystemClock));
        // So that a check ends before its confirm is answered, also on a busy machine.
        let checks = CheckLimits {
            wait: Duration::from_secs(600),
            timeout: Duration::from_secs(600),
            ..CheckLimits::default()
        };
        let drafts = drafts.with_confirm_limits(limits).with_check_limits(checks);
        Self { world, proxy, drafts }
    }

    async fn confirm(&self, name: &str, kind: Kind) {
        let request = ConfirmUpload {
            object_name: name.to_owned(),
            overwrite: kind == Kind::Overwrite,
            ..ConfirmUpload::default()
        };
        if kind == Kind::Atomic {
            let batch = ConfirmBatch {
                uploads: vec![request],
                atomic: true,
            };
            let outcomes = self.drafts.confirm_batch(batch).await.expect("a batch");
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        } else {
            let confirmed = self.drafts.confirm(&request).await.expect("confirmed");
            assert_eq!(confirmed.replayed, kind == Kind::Repeat);
        }
    }

    /// Confirms these bytes under a name, and returns the ID of what they replaced.
    async fn keep(&self, name: &str, bytes: &'static str) -> Option<String> {
        self.world.draft(name, bytes).await;
        let request = ConfirmUpload {
            object_name: name.to_owned(),
            overwrite: true,
            ..ConfirmUpload::default()
        };
        let confirmed = self.drafts.confirm(&request).await.expect("confirmed");
        self.drafts.drain().await;
        confirmed.replaced_version_id.map(|id| id.to_string())
    }

    async fn change(&self, change: Change, name: &str, version_id: Option<String>) {
        let object_name = name.to_owned();
        let delete = |object_name: String| DeleteObject {
            object_name,
            if_match: None,
        };
        let copy = CopyObject {
            object_name: object_name.clone(),
            destination_name: format!("{name}-new"),
            overwrite: change == Change::MoveOver,
            ..CopyObject::default()
        };
        match change {
            Change::Describe => {
                let describe = DescribeObject {
                    object_name,
                    version_id,
                };
                self.drafts.describe_object(&describe).await.expect("described");
            }
            Change::Update => {
                let update = UpdateObject {
                    object_name,
                    metadata: [("a".to_owned(), "1".to_owned())].into(),
                    ..UpdateObject::default()
                };
                assert!(!self.drafts.update_object(&update).await.expect("updated").replayed);
            }
            Change::Copy => assert!(!self.drafts.copy_object(&copy).await.expect("copied").replayed),
            Change::Move | Change::MoveOver => {
                assert!(!self.drafts.move_object(&copy).await.expect("moved").replayed);
            }
            Change::Delete => {
                let deleted = self.drafts.delete_object(&delete(object_name)).await;
                assert!(deleted.expect("deleted").etag.is_some());
            }
            Change::DeleteTwo => {
                let both = [delete(object_name), delete(format!("{name}-new"))];
                let outcomes = self.drafts.delete_objects(&both).await.expect("outcomes");
                assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            }
            Change::Restore | Change::Undelete => {
                let restore = RestoreVersion {
                    object_name,
                    version_id,
                    if_match: None,
                };
                assert!(!self.drafts.restore_version(&restore).await.expect("restored").replayed);
            }
        }
    }

    async fn assert_changes(&self, changes: &[(Change, &[&str])]) {
        for (change, expected) in changes {
            let name = format!("{change:?}");
            self.keep(&name, "first").await;
            let mut version = None;
            match change {
                Change::MoveOver | Change::DeleteTwo => drop(self.keep(&format!("{name}-new"), "other").await),
                Change::Restore => version = self.keep(&name, "second").await,
                Change::Undelete => self.change(Change::Delete, &name, None).await,
                Change::Describe | Change::Update | Change::Copy | Change::Move | Change::Delete => {}
            }
            let seen = self.proxy.requests().len();
            self.change(*change, &name, version).await;
            assert_eq!(self.calls_since(seen), *expected, "{change:?}");
        }
    }

    /// Waits for the verdict on a draft, which the checks accept.
    async fn check(&self, name: &str) {
        let name = DraftName {
            object_name: name.to_owned(),
            draft_id: None,
        };
        let checked = self.drafts.check(&name).await.expect("checked").state;
        assert!(matches!(checked, Some(CheckState::Accepted { .. })), "{checked:?}");
    }

    /// Returns the number of bytes in the ranges that were read.
    fn range_bytes(&self) -> u64 {
        let requests = self.proxy.requests().into_iter();
        requests.filter_map(|request| request.range_bytes).sum()
    }

    /// Returns the requests to the store after the first `seen` ones.
    fn calls_since(&self, seen: usize) -> Vec<&'static str> {
        let requests = self.proxy.requests();
        requests[seen..].iter().map(|request| self.call(request)).collect()
    }

    /// Returns the short name of a request.
    fn call(&self, request: &Request) -> &'static str {
        let is_draft = request.bucket == *self.world.draft.name();
        let place = request.key.as_ref().map_or("", |key| key.as_str());
        let is = |prefix: &str| place.starts_with(prefix);
        match (request.operation, is_draft) {
            (Operation::HeadObject, true) if is(".drafts/verdicts/") => "HEAD verdict",
            (Operation::HeadObject, true) => "HEAD draft",
            (Operation::HeadObject, false) if request.of_version => "HEAD version",
            (Operation::HeadObject, false) if is(".replaced/") => "HEAD copy",
            (Operation::HeadObject, false) => "HEAD main",
            (Operation::DeleteObject, false) => "DELETE main",
            (Operation::DeleteObjects, false) => "DELETE objects",
            (Operation::ListObjectVersions, false) => "list versions",
            (Operation::ListObjectsV2, false) => "list copies",
            (Operation::GetBucketVersioning, false) => "GET versioning",
            (Operation::CopyObject, false) => "copy",
            (Operation::CreateMultipartUpload, false) => "create upload",
            (Operation::UploadPartCopy, false) => "copy part",
            (Operation::CompleteMultipartUpload, false) => "complete",
            (Operation::PutObject, true) if is(".drafts/staging/") => "PUT note",
            (Operation::DeleteObject, true) if is(".drafts/staging/") => "DELETE note",
            (Operation::PutObject, true) if is(".drafts/settled/") => "PUT settlement",
            (Operation::PutObject, true) if is(".drafts/verdicts/") => "PUT verdict",
            (Operation::GetObject, true) => "GET range",
            (Operation::DeleteObject, true) => "DELETE draft",
            (Operation::DeleteObjects, true) => "DELETE drafts",
            (operation, _) => panic!("no call has use for {operation} on {place:?}"),
        }
    }
}

async fn assert_plan(known: Capabilities, plan: &[(Kind, &[&str])]) {
    let bench = Bench::start(known).await;
    for (kind, expected) in plan {
        let name = format!("{kind:?}");
        let bytes = if *kind == Kind::Large { LARGE } else { SMALL };
        let asked_for = if *kind == Kind::Unique {
            let (_, whole_key) = unique(FAR_AHEAD, 1);
            bench.world.draft(&whole_key, bytes).await;
            whole_key
        } else {
            bench.world.draft(&name, bytes).await;
            name.clone()
        };
        if *kind == Kind::Overwrite {
            let theirs = bench.world.draft("theirs", "theirs").await;
            let absent = IfDestination::Absent;
            bench.world.copy(&theirs, &key(&name), absent).await.expect("copied");
        }
        if *kind == Kind::Repeat {
            bench.confirm(&asked_for, Kind::Named).await;
            bench.drafts.drain().await;
        }
        let seen = bench.proxy.requests().len();
        bench.confirm(&asked_for, *kind).await;
        bench.drafts.drain().await;
        assert_eq!(bench.calls_since(seen), *expected, "{kind:?}");
    }
}
