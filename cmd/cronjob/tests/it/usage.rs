//! Tests of the count of all buckets: how many lists it makes, what it counts, and in how much memory.
//!
//! `OBJECTS=1000000 cargo test -p draftstore-cronjob --test it usage -- --nocapture` counts as many objects.

use std::sync::Arc;

use draftstore_service::draft::GetUsage;
use draftstore_service::{AllowedOrigins, Buckets, Drafts, Policy, Store, SystemClock};
use draftstore_storage::Operation;
use draftstore_testing::TestBuckets;
use draftstore_testing::proxy::FaultProxy;
use futures::stream::{self, StreamExt as _};

use crate::{UPLOADS_AT_ONCE, cronjob, run, variables};

/// The number of objects in main unless the environment sets another: three pages.
const OBJECTS: usize = 2_300;

/// Puts objects of one byte into main, of ten tenants.
async fn fill(world: &TestBuckets, objects: usize) {
    let (sdk, bucket) = (world.sdk(), world.main.name().as_str());
    let puts = stream::iter(0..objects).map(|n| {
        let put = sdk.put_object().bucket(bucket).key(format!("t{}/{n:07}", n % 10));
        async move { put.body(b"x".to_vec().into()).send().await.expect("put") }
    });
    puts.buffer_unordered(UPLOADS_AT_ONCE).for_each(async |_| {}).await;
}

fn drafts(world: &TestBuckets) -> Drafts {
    let buckets = Buckets::new(world.draft.clone(), world.main.clone());
    let store = Store::new(world.storage.clone(), buckets);
    let hour = std::time::Duration::from_secs(3600);
    let policy = Policy::new(hour, hour, hour, hour).expect("a policy");
    Drafts::new(store, policy, AllowedOrigins::default(), Arc::new(SystemClock))
}

#[tokio::test(flavor = "multi_thread")]
async fn count_of_both_buckets_needs_a_list_per_thousand_objects() {
    let objects = std::env::var("OBJECTS").map_or(OBJECTS, |text| text.parse().expect("a number"));
    let mut world = TestBuckets::embedded().await;
    world.draft("t1/draft", "bytes").await;
    fill(&world, objects).await;
    let drafts = drafts(&world);
    let proxy = FaultProxy::start(&world.endpoint);
    world.endpoint = proxy.endpoint();
    let lists = || {
        let requests = proxy.requests();
        requests
            .iter()
            .filter(|request| request.operation == Operation::ListObjectsV2)
            .count()
    };

    // The first sweep makes half as many lists as main has pages, and the second one continues.
    let half = (objects / 2_000).to_string();
    for limit in [half.as_str(), "1000000"] {
        let (output, printed) = run(cronjob(&[&variables(&world)[..], &[("USAGE_LISTS", limit)]].concat()));
        assert!(output.status.success(), "{printed}");
    }
    let made = lists();
    let page = drafts.usage(&GetUsage::default()).await.expect("counted");
    let counted: u64 = page.groups.iter().map(|(_, usage)| usage.objects).sum();
    assert_eq!(counted, objects as u64 + 1);
    assert_eq!(page.groups.len(), 11, "ten tenants in main, and one of a draft");
    println!("{objects} objects: {made} lists by two sweeps, with those of the sweeps themselves");
    assert!(made <= objects / 1_000 + 20, "{made} lists of {objects} objects");
}
