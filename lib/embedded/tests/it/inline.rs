//! Objects stored in the index behave like those stored in files.

use crate::harness::{BUCKET, MAX_INLINE, MIB, TestStore, blob_files, noise};

#[tokio::test]
async fn objects_up_to_the_limit_are_inline_and_survive_a_restart() {
    let store = TestStore::start().await;
    let sizes = [0, 1, MAX_INLINE, MAX_INLINE + 1];
    for (seed, size) in (1..).zip(sizes) {
        store.put(&size.to_string(), noise(seed, size)).await;
    }
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), 1);
    let store = TestStore::start_in(dir).await;
    for (seed, size) in (1..).zip(sizes) {
        assert_eq!(store.get(&size.to_string()).await.unwrap(), noise(seed, size), "{size}");
    }
}

#[tokio::test]
async fn inline_blobs_live_until_their_last_reference_is_removed() {
    let store = TestStore::start().await;
    let copy = |from: &str, to: &str| {
        let copy = store.s3.copy_object().bucket(BUCKET).key(to);
        copy.copy_source(format!("{BUCKET}/{from}")).send()
    };
    let delete = |key: &str| store.s3.delete_object().bucket(BUCKET).key(key).send();
    store.put("a", noise(1, 100)).await;
    copy("a", "b").await.unwrap();
    copy("a", "c").await.unwrap();
    delete("a").await.unwrap();
    store.put("b", noise(2, 100)).await;
    assert_eq!(store.get("b").await.unwrap(), noise(2, 100));
    assert_eq!(store.get("c").await.unwrap(), noise(1, 100));
    // An inline object replaces a file, and a file replaces an inline object.
    store.put("b", noise(3, MIB)).await;
    store.put("b", noise(4, 100)).await;
    store.put("c", noise(5, MIB)).await;
    assert_eq!(store.get("b").await.unwrap(), noise(4, 100));
    assert_eq!(store.get("c").await.unwrap(), noise(5, MIB));
    delete("c").await.unwrap();
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), 0);
}

#[tokio::test]
async fn ranges_of_inline_objects_are_returned() {
    let store = TestStore::start().await;
    let body = noise(1, 1000);
    store.put("k", body.clone()).await;
    let get = store.s3.get_object().bucket(BUCKET).key("k").range("bytes=10-19");
    let got = get.send().await.unwrap();
    assert_eq!(got.content_range(), Some("bytes 10-19/1000"));
    assert_eq!(got.body.collect().await.unwrap().into_bytes(), body[10..20]);
}
