//! Listings: pages contain every key once, in order.

use std::collections::BTreeSet;

use aws_sdk_s3::types::EncodingType;

use crate::harness::{BUCKET, TestStore, rejection};

const KEYS: [&str; 11] = [
    "a",
    "a/",
    "a/1",
    "a/2/x",
    "a/2/y",
    "a0",
    "b/1",
    "b/2",
    "c+d e",
    "é/1",
    "\u{10ffff}/1",
];

async fn store_with_keys() -> TestStore {
    let store = TestStore::start().await;
    for key in KEYS {
        store.put(key, key.as_bytes().to_vec()).await;
    }
    store
}

/// Lists all pages, and returns the names of objects and common prefixes in order.
async fn pages_v2(store: &TestStore, prefix: &str, delimiter: &str, size: i32) -> Vec<String> {
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let list = store
            .s3
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix)
            .delimiter(delimiter)
            .max_keys(size);
        let page = list.set_continuation_token(token).send().await.unwrap();
        let count = page.contents().len() + page.common_prefixes().len();
        assert_eq!(page.key_count(), Some(i32::try_from(count).unwrap()));
        assert!(count <= usize::try_from(size).unwrap());
        names.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        names.extend(
            page.common_prefixes()
                .iter()
                .map(|prefix| prefix.prefix().unwrap().to_owned()),
        );
        token = page.next_continuation_token().map(str::to_owned);
        assert_eq!(page.is_truncated(), Some(token.is_some()));
        if token.is_none() {
            return names;
        }
    }
}

async fn pages_v1(store: &TestStore, prefix: &str, delimiter: &str, size: i32) -> Vec<String> {
    let mut names = Vec::new();
    let mut marker = None;
    loop {
        let list = store
            .s3
            .list_objects()
            .bucket(BUCKET)
            .prefix(prefix)
            .delimiter(delimiter)
            .max_keys(size);
        let page = list.set_marker(marker).send().await.unwrap();
        names.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        names.extend(
            page.common_prefixes()
                .iter()
                .map(|prefix| prefix.prefix().unwrap().to_owned()),
        );
        if page.is_truncated() != Some(true) {
            return names;
        }
        marker = page.next_marker().map(str::to_owned);
    }
}

/// The names that S3's rules give.
fn expected(prefix: &str, delimiter: &str) -> BTreeSet<String> {
    let rolled = |key: &str| match key[prefix.len()..].find(delimiter) {
        Some(at) if !delimiter.is_empty() => key[..prefix.len() + at + delimiter.len()].to_owned(),
        _ => key.to_owned(),
    };
    KEYS.iter()
        .filter(|key| key.starts_with(prefix))
        .map(|key| rolled(key))
        .collect()
}

#[tokio::test]
async fn pages_of_any_size_contain_every_name_once() {
    let store = store_with_keys().await;
    for (prefix, delimiter) in [
        ("", ""),
        ("", "/"),
        ("a", "/"),
        ("a/", "/"),
        ("a/2", "/"),
        ("", "/1"),
        ("zz", "/"),
    ] {
        for size in [1, 2, 3, 1000] {
            for names in [
                pages_v1(&store, prefix, delimiter, size).await,
                pages_v2(&store, prefix, delimiter, size).await,
            ] {
                let set: BTreeSet<String> = names.iter().cloned().collect();
                assert_eq!(set.len(), names.len(), "{prefix:?} {delimiter:?} {size}: {names:?}");
                assert_eq!(set, expected(prefix, delimiter), "{prefix:?} {delimiter:?} {size}");
            }
        }
    }
}

#[tokio::test]
async fn empty_delimiter_is_not_returned() {
    let store = store_with_keys().await;
    let v1 = store
        .s3
        .list_objects()
        .bucket(BUCKET)
        .delimiter("")
        .send()
        .await
        .unwrap();
    let v2 = store
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .delimiter("")
        .send()
        .await
        .unwrap();
    assert_eq!((v1.delimiter(), v2.delimiter()), (None, None));
    assert!(v1.common_prefixes().is_empty() && !v1.contents().is_empty());
}

#[tokio::test]
async fn objects_are_listed_with_their_etags_and_sizes() {
    let store = store_with_keys().await;
    let list = store
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("a/2/")
        .send()
        .await
        .unwrap();
    for object in list.contents() {
        let head = store
            .s3
            .head_object()
            .bucket(BUCKET)
            .key(object.key().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(object.e_tag(), head.e_tag());
        assert_eq!(object.size(), head.content_length());
        assert_eq!(object.last_modified(), head.last_modified());
    }
    assert_eq!(list.contents().len(), 2);
}

#[tokio::test]
async fn listing_starts_after_any_key() {
    let store = store_with_keys().await;
    let after = |key: &str| store.s3.list_objects_v2().bucket(BUCKET).start_after(key).send();
    let names = |list: aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output| -> Vec<String> {
        list.contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(after("b/1").await.unwrap()),
        ["b/2", "c+d e", "é/1", "\u{10ffff}/1"]
    );
    assert_eq!(
        names(after("b/10").await.unwrap()),
        ["b/2", "c+d e", "é/1", "\u{10ffff}/1"]
    );
    assert!(names(after("\u{10ffff}/1").await.unwrap()).is_empty());
    // A common prefix is listed if it has keys after the one to start after.
    let list = store
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .start_after("a/1")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    assert_eq!(list.common_prefixes()[0].prefix(), Some("a/"));
}

#[tokio::test]
async fn names_are_encoded_on_request() {
    let store = store_with_keys().await;
    let list = store
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(EncodingType::Url)
        .delimiter("/");
    let list = list.send().await.unwrap();
    let keys: Vec<_> = list.contents().iter().map(|object| object.key().unwrap()).collect();
    assert!(keys.contains(&"c%2Bd%20e"), "{keys:?}");
    assert!(
        list.common_prefixes()
            .iter()
            .any(|prefix| prefix.prefix() == Some("%C3%A9/"))
    );
}

#[tokio::test]
async fn invalid_listings_are_rejected() {
    let store = store_with_keys().await;
    let list = || store.s3.list_objects_v2();
    assert_eq!(
        rejection(list().bucket("nobucket").send().await),
        (404, "NoSuchBucket".into())
    );
    assert_eq!(
        rejection(list().bucket(BUCKET).continuation_token("?").send().await),
        (400, "InvalidArgument".into())
    );
    assert_eq!(
        rejection(list().bucket(BUCKET).max_keys(-1).send().await),
        (400, "InvalidArgument".into())
    );
    let none = list().bucket(BUCKET).max_keys(0).send().await.unwrap();
    assert_eq!((none.contents().len(), none.is_truncated()), (0, Some(false)));
}
