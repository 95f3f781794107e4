//! The requests of a confirm on the wire, in order: no more than its plan needs.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::draft::{ConfirmBatch, ConfirmLimits, ConfirmUpload};
use draftstore_service::{AllowedOrigins, Buckets, Drafts, Policy, Store, StoreProfile, SystemClock};
use draftstore_storage::{Capabilities, Condition, IfDestination, Operation, Support};
use draftstore_testing::proxy::{FaultProxy, Request};
use draftstore_testing::{TestBuckets, connect, key, settings};

use crate::ground::SOURCES;
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

/// The service, with a recorder of the requests to its store.
struct Bench {
    world: TestBuckets,
    proxy: FaultProxy,
    drafts: Drafts,
}

impl Bench {
    /// Starts the service on a store with known capabilities.
    async fn start(known: Capabilities) -> Self {
        let world = TestBuckets::embedded().await;
        let proxy = FaultProxy::start(&world.endpoint);
        let buckets = Buckets {
            draft: world.draft.clone(),
            main: world.main.clone(),
        };
        let storage = Arc::new(connect(settings(&proxy.endpoint())).await);
        let store = Store::new(storage, buckets).with_profile(StoreProfile::known(known));
        let hour = Duration::from_secs(3600);
        let policy = Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy");
        let limits = ConfirmLimits {
            max_copy_bytes: MAX_COPY_BYTES,
            ..ConfirmLimits::default()
        };
        let drafts = Drafts::new(store, policy, AllowedOrigins::default(), Arc::new(SystemClock));
        let drafts = drafts.with_confirm_limits(limits);
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
            (Operation::HeadObject, true) => "HEAD draft",
            (Operation::HeadObject, false) => "HEAD main",
            (Operation::CopyObject, false) => "copy",
            (Operation::CreateMultipartUpload, false) => "create upload",
            (Operation::UploadPartCopy, false) => "copy part",
            (Operation::CompleteMultipartUpload, false) => "complete",
            (Operation::PutObject, true) if is(".drafts/staging/") => "PUT note",
            (Operation::DeleteObject, true) if is(".drafts/staging/") => "DELETE note",
            (Operation::PutObject, true) if is(".drafts/settled/") => "PUT settlement",
            (Operation::DeleteObject, true) => "DELETE draft",
            (Operation::DeleteObjects, true) => "DELETE drafts",
            (operation, _) => panic!("a confirm has no use for {operation} on {place:?}"),
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
