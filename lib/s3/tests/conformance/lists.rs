//! Lists are complete, in order, and page by page.

use std::time::{Duration, SystemTime};

use draftstore_storage::{ErrorKind, ListObjects, ObjectPage};
use futures::{StreamExt as _, stream};

use draftstore_testing::{TestBuckets, bucket, key};

/// How many uploads are under way at once while a bucket is filled.
const UPLOADS_AT_ONCE: usize = 16;

pub(crate) async fn fill(world: &TestBuckets, names: impl Iterator<Item = String>) {
    stream::iter(names)
        .for_each_concurrent(UPLOADS_AT_ONCE, |name| async move {
            world.upload(&key(&name), "x").await;
        })
        .await;
}

async fn page(world: &TestBuckets, request: ListObjects) -> ObjectPage {
    world.storage.list(world.draft.name(), &request).await.expect("a page")
}

fn names(page: &ObjectPage) -> Vec<&str> {
    page.objects.iter().map(|object| object.key.as_str()).collect()
}

pub(crate) async fn an_empty_bucket_lists_nothing(world: &TestBuckets) {
    let page = page(world, ListObjects::default()).await;
    assert_eq!((names(&page), &page.next), (vec![], &None));
}

pub(crate) async fn a_list_tells_version_size_and_time(world: &TestBuckets) {
    let before = SystemTime::now();
    let draft = world.draft("one.txt", "hello").await;
    let page = page(world, ListObjects::default()).await;
    let [object] = &page.objects[..] else {
        panic!("{} objects", page.objects.len())
    };
    assert_eq!((&object.key, &object.etag, object.size), (&draft.key, &draft.etag, 5));
    let second = Duration::from_secs(1);
    assert!(object.last_modified >= before - second && object.last_modified <= SystemTime::now() + second);
    let store_time = page.store_time.expect("the store says what time it is");
    assert!(store_time >= before - second && store_time <= SystemTime::now() + second);
}

pub(crate) async fn pages_are_in_byte_order_and_complete(world: &TestBuckets) {
    let expected = ["a", "a b", "a+b", "a/b", "a/c", "aa", "b%", "é", "文", "👍"];
    list_in_order(world, expected).await;
}

/// SeaweedFS lists what is below a name before longer names.
pub(crate) async fn pages_are_in_order_of_directories_and_complete(world: &TestBuckets) {
    let expected = ["a", "a/b", "a/c", "a b", "a+b", "aa", "b%", "é", "文", "👍"];
    list_in_order(world, expected).await;
}

async fn list_in_order<const N: usize>(world: &TestBuckets, expected: [&str; N]) {
    fill(world, expected.iter().rev().map(|name| (*name).to_owned())).await;
    let mut listed = Vec::new();
    let mut request = ListObjects {
        max_keys: Some(3),
        ..ListObjects::default()
    };
    loop {
        let page = page(world, request.clone()).await;
        assert!(page.objects.len() <= 3);
        listed.extend(names(&page).into_iter().map(ToOwned::to_owned));
        let Some(next) = page.next else { break };
        request.continuation = Some(next);
    }
    assert_eq!(listed, expected);
}

pub(crate) async fn a_list_starts_after_a_key_and_stays_within_a_prefix(world: &TestBuckets) {
    fill(
        world,
        ["a/1", "a/2", "a/2 x", "a/3", "b/1"].map(ToOwned::to_owned).into_iter(),
    )
    .await;
    let after = |text: &str| ListObjects {
        start_after: Some(text.to_owned()),
        ..ListObjects::default()
    };
    assert_eq!(names(&page(world, after("a/2")).await), ["a/2 x", "a/3", "b/1"]);
    assert_eq!(
        names(&page(world, after("a/2 ")).await),
        ["a/2 x", "a/3", "b/1"],
        "it need not exist"
    );
    assert_eq!(names(&page(world, after("b/1")).await), [""; 0]);
    let prefix = |text: &str| ListObjects {
        prefix: Some(text.to_owned()),
        ..ListObjects::default()
    };
    assert_eq!(names(&page(world, prefix("a/2")).await), ["a/2", "a/2 x"]);
    assert_eq!(names(&page(world, prefix("c")).await), [""; 0]);
    let both = ListObjects {
        start_after: Some("a/2".to_owned()),
        ..prefix("a/")
    };
    assert_eq!(names(&page(world, both).await), ["a/2 x", "a/3"]);
}

pub(crate) async fn a_page_holds_a_thousand_keys(world: &TestBuckets) {
    fill(world, (0..1005).map(|n| format!("{n:04}"))).await;
    let first = page(world, ListObjects::default()).await;
    assert_eq!(first.objects.len(), 1000);
    let second = page(
        world,
        ListObjects {
            continuation: first.next.clone(),
            ..ListObjects::default()
        },
    )
    .await;
    let listed: Vec<_> = [names(&first), names(&second)].concat();
    assert_eq!(listed, (0..1005).map(|n| format!("{n:04}")).collect::<Vec<_>>());
    assert_eq!(second.next, None);
}

pub(crate) async fn a_missing_bucket_is_told_from_an_empty_one(world: &TestBuckets) {
    let missing = world
        .storage
        .list(&bucket("no-such-bucket"), &ListObjects::default())
        .await
        .expect_err("missing");
    assert_eq!(missing.kind, ErrorKind::BucketNotFound);
}
