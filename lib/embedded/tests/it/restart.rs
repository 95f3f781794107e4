//! Starting, stopping and restarting.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use draftstore_connections::ConnectionLimits;
use draftstore_embedded::{Credentials, EmbeddedConfig, EmbeddedStartError, EmbeddedStore};
use tempfile::TempDir;

use crate::harness::{BUCKET, MIB, TestStore, blob_files, noise};

#[tokio::test]
async fn data_survives_a_restart() {
    let store = TestStore::start().await;
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

    let store = TestStore::start_in(store.stop().await).await;
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
async fn orphaned_blobs_are_removed_at_start() {
    let store = TestStore::start().await;
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
    let store = TestStore::start_in(dir).await;
    assert_eq!(store.get("k").await.unwrap(), noise(1, MIB));
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()), kept);
}

#[tokio::test]
async fn second_process_is_rejected() {
    let store = TestStore::start().await;
    let dir = store.stop().await;
    let settings = |port| EmbeddedConfig {
        data_dir: dir.path().to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        credentials: Credentials::load_or_create(dir.path()).unwrap(),
        upload_only: None,
        limits: ConnectionLimits::default(),
        hosts: None,
        restore_wait: Duration::ZERO,
        created: None,
    };
    let first = EmbeddedStore::start(settings(0)).await.unwrap();
    let second = EmbeddedStore::start(settings(0)).await.unwrap_err();
    assert!(matches!(second, EmbeddedStartError::Locked(_)));
    assert!(second.to_string().contains("EMBEDDED_DATA_DIR"), "{second}");
    let same_port = EmbeddedStore::start(settings(first.address().port()))
        .await
        .unwrap_err();
    assert!(same_port.to_string().contains("EMBEDDED_PORT"), "{same_port}");
    first.shutdown().await;
    EmbeddedStore::start(settings(0)).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn port_in_use_leaves_the_data_untouched() {
    let occupied = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let dir = TempDir::new().unwrap();
    let settings = EmbeddedConfig {
        data_dir: dir.path().join("data"),
        listen: occupied.local_addr().unwrap(),
        credentials: Credentials {
            access_key_id: "id".into(),
            secret_access_key: "secret".into(),
        },
        upload_only: None,
        limits: ConnectionLimits::default(),
        hosts: None,
        restore_wait: Duration::ZERO,
        created: None,
    };
    assert!(matches!(
        EmbeddedStore::start(settings).await,
        Err(EmbeddedStartError::PortTaken { .. })
    ));
    assert!(!dir.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_lets_requests_finish() {
    let store = TestStore::start().await;
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
