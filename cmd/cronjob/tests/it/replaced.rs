//! Tests of the sweep of the copies of replaced objects, with its right in `manifest/iam/cronjob-replaced.json`.

use std::collections::BTreeSet;

use draftstore_testing::TestBuckets;
use draftstore_testing::proxy::FaultProxy;

use crate::iam::{POLICY, needed};
use crate::policy::Policy;
use crate::{SHORT_LIVED, cronjob, run, variables};

const REPLACED: &str = include_str!("../../../../manifest/iam/cronjob-replaced.json");

const KEEPING: [(&str, &str); 2] = [("KEEP_REPLACED", "true"), ("REPLACED_LIFETIME", "60")];

/// A copy that was made in 1970.
const OLD: &str = ".replaced/t/a/replaced-ffffffffffff0000000000000001";

/// A copy that was made in the year 10889, and nothing else that may be deleted.
const KEPT: [&str; 4] = [
    ".replaced/a",
    ".replaced/a/replaced-0000000000000000000000000001",
    "a",
    "t/a/replaced-ffffffffffff0000000000000001",
];

async fn put(world: &TestBuckets, key: &str) {
    let main = world.main.name().as_str();
    let put = world.sdk().put_object().bucket(main).key(key);
    put.send().await.expect("put");
}

async fn keys(world: &TestBuckets) -> Vec<String> {
    let main = world.main.name().as_str();
    let listed = world.sdk().list_objects_v2().bucket(main).send().await.expect("listed");
    let keys = listed.contents().iter().filter_map(|object| object.key());
    keys.map(ToOwned::to_owned).collect()
}

fn sweep(world: &TestBuckets, settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = cronjob(&[&variables(world)[..], &SHORT_LIVED, settings].concat());
    command.args(arguments);
    let (output, printed) = run(command);
    assert!(output.status.success(), "{printed}");
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_copies_are_removed_and_nothing_else_in_main() {
    let world = TestBuckets::embedded().await;
    put(&world, OLD).await;
    for key in KEPT {
        put(&world, key).await;
    }
    let printed = sweep(&world, &KEEPING, &["--dry-run"]);
    assert!(printed.contains(&format!("would delete copy {OLD}")), "{printed}");
    let unused = sweep(&world, &[("REPLACED_LIFETIME", "60")], &[]);
    assert!(unused.contains("setting without effect"), "{unused}");
    assert!(!unused.contains("copies of replaced objects"), "{unused}");
    let another = [("SWEEP_SHARD", "1"), ("SWEEP_SHARDS", "2")];
    sweep(&world, &[&KEEPING[..], &another].concat(), &[]);
    assert_eq!(keys(&world).await.len(), KEPT.len() + 1);
    let printed = sweep(&world, &KEEPING, &[]);
    assert!(printed.contains("replaced copies swept"), "{printed}");
    assert!(!printed.contains("setting without effect"), "{printed}");
    assert!(printed.contains("; deleted copies of replaced objects: 1"), "{printed}");
    assert_eq!(keys(&world).await, KEPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_allows_exactly_the_requests_that_remove_copies() {
    let mut world = TestBuckets::embedded().await;
    put(&world, OLD).await;
    let proxy = FaultProxy::start(&world.endpoint);
    world.endpoint = proxy.endpoint();
    sweep(&world, &KEEPING, &[]);
    let requests = proxy.requests();
    let needed_rights: BTreeSet<_> = requests.iter().flat_map(|request| needed(&world, request)).collect();
    let policy = Policy::read(REPLACED);
    for right in &needed_rights {
        assert!(Policy::read(POLICY).and(&policy).allows(right), "missing: {right:?}");
    }
    for (granted, rest) in policy.without_each() {
        let rest = Policy::read(POLICY).and(&rest);
        assert!(
            needed_rights.iter().any(|right| !rest.allows(right)),
            "not needed: {granted:?}"
        );
    }
}
