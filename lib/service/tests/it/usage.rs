//! Counts of the objects in all buckets.

use std::sync::Arc;

use draftstore_service::caller::{Names, Scopes};
use draftstore_service::cleaner::{Mode, Slice};
use draftstore_service::draft::{GetUsage, Stage, UsagePage};
use draftstore_service::usage_counter::{CountError, Group, Usage, UsageCounted};
use draftstore_service::{Caller, CountLimits, Drafts, Error, Scope, UsageCounter};
use draftstore_storage::{BucketName, DraftBucket, ErrorKind, Operation};

use crate::ground::Ground;
use crate::system::{System, expire};

promises! {
    objects_of_both_stages_are_counted_by_tenant: strong, weak, garage, seaweedfs;
    tenant_gets_its_own_usage_only: strong;
    count_goes_on_where_the_last_sweep_stopped: strong, weak;
    count_that_failed_is_repeated: strong;
    one_of_two_counts_of_a_slice_saves: strong;
    slices_are_added_up_once_all_are_counted: strong, weak;
    sweep_keeps_inventories: strong, weak;
    page_of_usage_continues_after_the_last_group: strong;
    buckets_of_destinations_are_counted_apart: strong, weak, garage, seaweedfs;
}

impl System {
    fn counter(&self, slice: Slice, lists: u32) -> UsageCounter {
        let limits = CountLimits {
            lists,
            ..CountLimits::default()
        };
        UsageCounter::new(self.installed(), slice, limits, self.clock.clone())
    }

    async fn count(&self) -> UsageCounted {
        let counted = self.counter(Slice::WHOLE, 100).count().await;
        counted.expect("counted").expect("some lists")
    }

    /// Returns the number of saved inventories.
    async fn saves(&self) -> usize {
        let keys = self.world.draft_keys().await;
        keys.iter().filter(|key| key.starts_with(".drafts/usage/")).count()
    }

    /// Uploads drafts of 5 bytes.
    async fn drafts(&self, names: &[&str]) {
        for name in names {
            self.world.draft(name, "bytes").await;
        }
    }

    /// Puts objects of 4 bytes into main.
    async fn objects(&self, names: &[&str]) {
        for name in names {
            let put = self
                .world
                .sdk()
                .put_object()
                .bucket(self.world.main.name().as_str())
                .key(*name);
            put.body(b"main".to_vec().into()).send().await.expect("put");
        }
    }
}

fn caller(system: &System, tenant: &str) -> Drafts {
    system.drafts.for_caller(Arc::new(Caller {
        tenant: Some(tenant.parse().expect("a tenant")),
        ..Caller::anyone()
    }))
}

async fn usage(drafts: &Drafts) -> Vec<(String, Stage, u64, u64)> {
    let page = drafts.usage(&GetUsage::default()).await.expect("counted");
    assert!(page.is_complete && page.counted_from <= page.counted_until);
    rows(page)
}

fn rows(page: UsagePage) -> Vec<(String, Stage, u64, u64)> {
    let row = page.groups.into_iter();
    row.map(|(group, usage)| (group.tenant, group.stage, usage.objects, usage.bytes))
        .collect()
}

fn row(tenant: &str, stage: Stage, objects: u64, bytes: u64) -> (String, Stage, u64, u64) {
    (tenant.to_owned(), stage, objects, bytes)
}

async fn objects_of_both_stages_are_counted_by_tenant(ground: &Ground) {
    let system = ground.system().await;
    assert!(matches!(
        system.drafts.usage(&GetUsage::default()).await,
        Err(Error::UsageNotCounted)
    ));
    system.drafts(&["a", "t1/a", "t1/b/c", "t2/a"]).await;
    system.objects(&["a", "b", "t1/a"]).await;
    system.count().await;
    let expected = [
        row("", Stage::Draft, 1, 5),
        row("", Stage::Main, 2, 8),
        row("t1", Stage::Draft, 2, 10),
        row("t1", Stage::Main, 1, 4),
        row("t2", Stage::Draft, 1, 5),
    ];
    assert_eq!(usage(&system.drafts).await, expected);
    system.objects(&["t2/b"]).await;
    assert_eq!(usage(&system.drafts).await, expected, "not counted yet");
    system.count().await;
    assert_eq!(usage(&system.drafts).await[5], row("t2", Stage::Main, 1, 4));
}

async fn buckets_of_destinations_are_counted_apart(ground: &Ground) {
    let system = ground.system().await;
    let name: BucketName = format!("{}-more", system.world.main.name()).parse().expect("a name");
    system.world.storage.create_bucket(&name).await.expect("created");
    let mut store = system.installed();
    let pair = DraftBucket::pair(system.world.draft.name().clone(), name.clone());
    store.buckets.destinations.push(pair.expect("the names differ").1);
    system.objects(&["t1/a"]).await;
    for key in ["t1/b", "t2/c"] {
        let put = system.world.sdk().put_object().bucket(name.as_str()).key(key);
        put.body(b"archived".to_vec().into()).send().await.expect("put");
    }
    let limits = CountLimits {
        lists: 1,
        ..CountLimits::default()
    };
    let counter = UsageCounter::new(store, Slice::WHOLE, limits, system.clock.clone());
    let mut sweeps = 1;
    while counter.count().await.expect("counted").expect("a list").last.is_none() {
        sweeps += 1;
    }
    assert_eq!(sweeps, 5, "a list for each range of each bucket");
    let of = async |tenant: &str| -> Vec<_> {
        let page = caller(&system, tenant)
            .usage(&GetUsage::default())
            .await
            .expect("counted");
        let row = |(group, usage): (Group, Usage)| (group.stage, group.bucket, usage.bytes);
        page.groups.into_iter().map(row).collect()
    };
    let archived = (Stage::Main, Some(name.to_string()), 8);
    assert_eq!(of("t1").await, [(Stage::Main, None, 4), archived.clone()]);
    assert_eq!(of("t2").await, [archived]);
}

async fn tenant_gets_its_own_usage_only(ground: &Ground) {
    let system = ground.system().await;
    system.drafts(&["t1/a", "t10/a"]).await;
    system.count().await;
    assert_eq!(usage(&caller(&system, "t1")).await, [row("t1", Stage::Draft, 1, 5)]);
    assert_eq!(usage(&caller(&system, "t3")).await, []);
    let deeper = caller(&system, "t1/a").usage(&GetUsage::default()).await;
    assert!(
        matches!(deeper, Err(Error::UsageNotCounted)),
        "the count does not tell it apart"
    );
    for (names, scopes) in [
        (Names::Under("a".to_owned()), Scopes::ALL),
        (Names::Exactly("a".to_owned()), Scopes::ALL),
        (Names::Any, Scopes::NONE),
    ] {
        let is_restricted = names != Names::Any;
        let caller = Caller {
            names,
            scopes,
            ..Caller::anyone()
        };
        let refused = system
            .drafts
            .for_caller(Arc::new(caller))
            .usage(&GetUsage::default())
            .await;
        let refused = refused.expect_err("refused");
        let is_right = if is_restricted {
            matches!(refused, Error::RestrictedNames)
        } else {
            matches!(refused, Error::NotAllowed(Scope::Inspect))
        };
        assert!(is_right, "{refused:?}");
    }
}

async fn count_goes_on_where_the_last_sweep_stopped(ground: &Ground) {
    let system = ground.system().await;
    system.drafts(&["t1/a"]).await;
    system.objects(&["t1/b"]).await;
    for sweep in 0..4 {
        let missing = system.drafts.usage(&GetUsage::default()).await;
        assert!(matches!(missing, Err(Error::UsageNotCounted)), "after {sweep} sweeps");
        let counted = system
            .counter(Slice::WHOLE, 1)
            .count()
            .await
            .expect("counted")
            .expect("a list");
        assert_eq!((counted.lists, counted.last.is_some()), (1, sweep == 3));
    }
    let counted = [row("t1", Stage::Draft, 1, 5), row("t1", Stage::Main, 1, 4)];
    assert_eq!(usage(&system.drafts).await, counted);
    assert!(
        system
            .counter(Slice::WHOLE, 0)
            .count()
            .await
            .expect("nothing")
            .is_none()
    );
}

async fn count_that_failed_is_repeated(ground: &Ground) {
    let system = ground.system().await;
    system.objects(&["t1/b"]).await;
    for operation in [Operation::ListObjectsV2, Operation::PutObject] {
        system.store.fail(operation, ErrorKind::CredentialsRefused);
        let failed = system.counter(Slice::WHOLE, 9).count().await;
        assert!(matches!(failed, Err(CountError::Store(_))), "{failed:?}");
    }
    system.count().await;
    assert_eq!(usage(&system.drafts).await, [row("t1", Stage::Main, 1, 4)]);
}

async fn one_of_two_counts_of_a_slice_saves(ground: &Ground) {
    let system = ground.system().await;
    system.objects(&["t1/a", "t1/b"]).await;
    let count = async || system.counter(Slice::WHOLE, 9).count().await;
    let counts = tokio::join!(count(), count(), count(), count());
    let counts = [counts.0, counts.1, counts.2, counts.3];
    let taken = counts
        .iter()
        .filter(|count| matches!(count, Err(CountError::Taken)))
        .count();
    let saved = counts.iter().filter(|count| count.is_ok()).count();
    assert!(saved >= 1 && saved + taken == 4, "{counts:?}");
    assert_eq!(system.saves().await, saved.min(2));
    assert_eq!(usage(&system.drafts).await, [row("t1", Stage::Main, 2, 8)]);
}

async fn slices_are_added_up_once_all_are_counted(ground: &Ground) {
    let system = ground.system().await;
    system.drafts(&["0/a", "z/a"]).await;
    system.objects(&["0/a", "z/a", "z/b"]).await;
    for index in 0..3 {
        let missing = system.drafts.usage(&GetUsage::default()).await;
        assert!(matches!(missing, Err(Error::UsageNotCounted)), "without slice {index}");
        let slice = Slice::new(index, 3).expect("a slice");
        system.counter(slice, 9).count().await.expect("counted");
    }
    let counted = [
        row("0", Stage::Draft, 1, 5),
        row("0", Stage::Main, 1, 4),
        row("z", Stage::Draft, 1, 5),
        row("z", Stage::Main, 2, 8),
    ];
    assert_eq!(usage(&system.drafts).await, counted);
}

async fn sweep_keeps_inventories(ground: &Ground) {
    let system = ground.system().await;
    system.objects(&["t1/a"]).await;
    for _ in 0..4 {
        system.count().await;
    }
    assert_eq!(system.saves().await, 2, "the last one, and the one before");
    system.drafts(&["t1/old"]).await;
    let cleaner = system.cleaner(1);
    expire(&cleaner, 1).await;
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.deleted, system.saves().await), (1, 2));
    assert_eq!(usage(&system.drafts).await, [row("t1", Stage::Main, 1, 4)]);
}

async fn page_of_usage_continues_after_the_last_group(ground: &Ground) {
    let system = ground.system().await;
    system.objects(&["a/1", "b/1", "c/1"]).await;
    system.count().await;
    let (mut listed, mut page_token) = (Vec::new(), None);
    loop {
        let request = GetUsage {
            page_size: Some(1),
            page_token,
        };
        let page = system.drafts.usage(&request).await.expect("a page");
        page_token = page.next_page_token.clone();
        listed.extend(rows(page));
        if page_token.is_none() {
            break;
        }
        system.count().await;
    }
    assert_eq!(listed, usage(&system.drafts).await);
    let foreign = GetUsage {
        page_token: Some("x".to_owned()),
        page_size: Some(0),
    };
    let Err(Error::Invalid(broken)) = system.drafts.usage(&foreign).await else {
        panic!("an invalid token");
    };
    assert_eq!(
        broken.iter().map(|broken| &*broken.field).collect::<Vec<_>>(),
        ["page_size", "page_token"]
    );
}
