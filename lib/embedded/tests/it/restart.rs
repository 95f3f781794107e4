//! Starting, stopping, and starting again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use draftstore_embedded::{Credentials, EmbeddedStore, Settings, StartError};
use tempfile::TempDir;

use crate::harness::{BUCKET, MIB, Store, blob_files, noise};

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let store = Store::start().await;
    store.put("k", noise(1, MIB)).await;
    let upload = store
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("u")
        .send()
        .await
        .unwrap();
    let id = upload.upload_id().unwrap();
    let part = store
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key("u")
        .upload_id(id)
        .part_number(1);
    let part = part.body(ByteStream::from_static(b"part")).send().await.unwrap();
    let before = store.credentials.clone();

    let store = Store::start_in(store.stop().await).await;
    assert_eq!(store.credentials, before);
    assert_eq!(store.get("k").await.unwrap(), noise(1, MIB));
    let part = CompletedPart::builder()
        .part_number(1)
        .e_tag(part.e_tag.unwrap())
        .build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = store
        .s3
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("u")
        .upload_id(id);
    complete.multipart_upload(parts).send().await.unwrap();
    assert_eq!(store.get("u").await.unwrap(), "part");
}

#[tokio::test]
async fn what_nothing_refers_to_is_removed_at_the_start() {
    let store = Store::start().await;
    store.put("k", noise(1, MIB)).await;
    let dir = store.stop().await;
    let kept = blob_files(dir.path());
    assert_eq!(kept.len(), 1);
    for stray in [
        "00/00000000000000000000000000000000",
        "ff/ffffffffffffffffffffffffffffffff",
        "0a/not-a-blob",
    ] {
        std::fs::write(dir.path().join("blobs").join(stray), "half a blob").unwrap();
    }
    let store = Store::start_in(dir).await;
    assert_eq!(store.get("k").await.unwrap(), noise(1, MIB));
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()), kept);
}

#[tokio::test]
async fn one_process_at_a_time() {
    let store = Store::start().await;
    let dir = store.stop().await;
    let settings = |port| Settings {
        data_dir: dir.path().to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        credentials: Credentials::kept_or_new(dir.path()).unwrap(),
        limited: None,
    };
    let first = EmbeddedStore::start(settings(0)).await.unwrap();
    let second = EmbeddedStore::start(settings(0)).await.unwrap_err();
    assert!(matches!(second, StartError::Locked(_)));
    assert!(second.to_string().contains("EMBEDDED_DATA_DIR"), "{second}");
    let same_port = EmbeddedStore::start(settings(first.address().port()))
        .await
        .unwrap_err();
    assert!(same_port.to_string().contains("EMBEDDED_PORT"), "{same_port}");
    first.shutdown().await;
    EmbeddedStore::start(settings(0)).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let dir = TempDir::new().unwrap();
    let settings = Settings {
        data_dir: dir.path().to_owned(),
        listen: SocketAddr::from(([0, 0, 0, 0], 0)),
        credentials: Credentials {
            access_key_id: "id".into(),
            secret_access_key: "secret".into(),
        },
        limited: None,
    };
    assert!(matches!(
        EmbeddedStore::start(settings).await,
        Err(StartError::NotLoopback(_))
    ));
}

#[tokio::test]
async fn a_taken_port_leaves_the_data_alone() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let dir = TempDir::new().unwrap();
    let settings = Settings {
        data_dir: dir.path().join("data"),
        listen: taken.local_addr().unwrap(),
        credentials: Credentials {
            access_key_id: "id".into(),
            secret_access_key: "secret".into(),
        },
        limited: None,
    };
    assert!(matches!(
        EmbeddedStore::start(settings).await,
        Err(StartError::PortTaken { .. })
    ));
    assert!(!dir.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_requests_end() {
    let store = Store::start().await;
    let body = noise(1, 16 * MIB);
    store.put("k", body.clone()).await;
    let mut got = store.s3.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    let mut read = got.body.next().await.unwrap().unwrap().to_vec();
    let stopping = tokio::spawn(store.stop());
    while let Some(chunk) = got.body.next().await {
        read.extend_from_slice(&chunk.unwrap());
    }
    assert!(read == body);
    drop(got);
    stopping.await.unwrap();
}
