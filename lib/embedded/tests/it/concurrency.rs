//! Concurrent requests: no torn reads, no lost writes, no removal of bytes that are being read.

use aws_sdk_s3::primitives::ByteStream;
use futures::future::join_all;

use crate::harness::{BUCKET, MIB, TestStore, blob_files, noise};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_are_not_torn_by_overwrites() {
    const ROUNDS: u8 = 12;
    let store = TestStore::start().await;
    let body = |byte: u8| vec![byte; 600_000 + usize::from(byte) * 1000];
    for name in ["a", "b"] {
        store.put(&format!("source/{name}"), body(name.as_bytes()[0])).await;
    }
    store.put("k", body(0)).await;
    let puts = async {
        for round in 1..=ROUNDS {
            store.put("k", body(round)).await;
        }
    };
    let copies = async {
        for name in ["a", "b"].iter().cycle().take(usize::from(ROUNDS) * 2) {
            let copy = store
                .s3
                .copy_object()
                .bucket(BUCKET)
                .key("k")
                .copy_source(format!("{BUCKET}/source/{name}"));
            copy.send().await.unwrap();
        }
    };
    let reads = join_all((0..4).map(|_| async {
        for _ in 0..ROUNDS {
            let got = store.s3.get_object().bucket(BUCKET).key("k").send().await.unwrap();
            let length = got.content_length().unwrap();
            let bytes = got.body.collect().await.unwrap().into_bytes();
            assert_eq!(i64::try_from(bytes.len()).unwrap(), length);
            assert_eq!(bytes, body(bytes[0]), "two versions in one response");
        }
    }));
    tokio::join!(puts, copies, reads);
    let dir = store.stop().await;
    // The two sources, and the object of the key if it is neither.
    assert!(blob_files(dir.path()).len() <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn download_in_progress_survives_a_delete() {
    let store = TestStore::start().await;
    // Far more than the sockets and buffers hold, so that most of it is read after the delete.
    let body = noise(7, 48 * MIB);
    store.put("k", body.clone()).await;
    let mut got = store.s3.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    let mut read = got.body.next().await.unwrap().unwrap().to_vec();
    store.s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(store.get("k").await, None);
    while let Some(chunk) = got.body.next().await {
        read.extend_from_slice(&chunk.unwrap());
    }
    assert!(read == body);
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_small_puts_are_all_stored() {
    let store = TestStore::start().await;
    let puts = (0..200).map(|n| {
        let body = ByteStream::from(n.to_string().into_bytes());
        store
            .s3
            .put_object()
            .bucket(BUCKET)
            .key(format!("{n:03}"))
            .body(body)
            .send()
    });
    assert!(join_all(puts).await.iter().all(Result::is_ok));
    let list = store.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(list.contents().len(), 200);
    for n in [0, 99, 199] {
        assert_eq!(store.get(&format!("{n:03}")).await.unwrap(), n.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_live_until_their_last_reference_is_removed() {
    let store = TestStore::start().await;
    store.put("a", noise(1, MIB)).await;
    for to in ["b", "c"] {
        store
            .s3
            .copy_object()
            .bucket(BUCKET)
            .key(to)
            .copy_source(format!("{BUCKET}/a"))
            .send()
            .await
            .unwrap();
    }
    store.s3.delete_object().bucket(BUCKET).key("a").send().await.unwrap();
    store.put("b", "other").await;
    assert_eq!(store.get("c").await.unwrap(), noise(1, MIB));
    store.s3.delete_object().bucket(BUCKET).key("c").send().await.unwrap();
    store.s3.delete_object().bucket(BUCKET).key("b").send().await.unwrap();
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), 0);
}
