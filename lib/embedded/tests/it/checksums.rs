//! Uploads are visible only if their bytes match the checksums of the request.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::harness::{BUCKET, MIB, TestStore, blob_files, for_an_hour, noise, rejection};
use crate::sign::HeaderSignedRequest;

#[tokio::test]
async fn wrong_checksum_keeps_the_old_object() {
    let store = TestStore::start().await;
    store.put("k", "old").await;
    let put = || {
        store
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(ByteStream::from_static(b"new"))
    };
    let zeros = |len: usize| STANDARD.encode(vec![0; len]);
    for rejected in [
        put().content_md5(zeros(16)).send().await,
        put().checksum_crc32(zeros(4)).send().await,
        put().checksum_crc32_c(zeros(4)).send().await,
        put().checksum_crc64_nvme(zeros(8)).send().await,
        put().checksum_sha1(zeros(20)).send().await,
        put().checksum_sha256(zeros(32)).send().await,
    ] {
        assert_eq!(rejection(rejected), (400, "BadDigest".into()));
        assert_eq!(store.get("k").await.unwrap(), "old");
    }
    assert_eq!(
        rejection(put().checksum_sha256("nonsense").send().await),
        (400, "InvalidRequest".into())
    );
    put()
        .checksum_sha256(STANDARD.encode(Sha256::digest("new")))
        .send()
        .await
        .unwrap();
    assert_eq!(store.get("k").await.unwrap(), "new");
}

#[tokio::test]
async fn signed_checksum_of_a_presigned_put_is_enforced() {
    let store = TestStore::start().await;
    let put = store.s3.put_object().bucket(BUCKET).key("k");
    let put = put
        .checksum_sha256(STANDARD.encode(Sha256::digest("right")))
        .presigned(for_an_hour())
        .await
        .unwrap();
    assert_eq!(store.send(&put, &[], "wrong").await.status(), 400);
    assert_eq!(store.get("k").await, None);
    assert_eq!(store.send(&put, &[], "right").await.status(), 200);
}

#[tokio::test]
async fn wrong_trailer_keeps_the_old_object() {
    let store = TestStore::start().await;
    store.put("k", "old").await;
    let host = store.address().to_string();
    let put = async |checksum: &str| {
        let body = format!("3\r\nnew\r\n0\r\nx-amz-checksum-sha256:{checksum}\r\n\r\n");
        let request = HeaderSignedRequest {
            method: "PUT",
            path: "/bucket/k",
            host: &host,
            headers: &[
                ("x-amz-decoded-content-length", "3"),
                ("x-amz-trailer", "x-amz-checksum-sha256"),
            ],
            content_sha256: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            at: OffsetDateTime::now_utc(),
        };
        let mut sent = store.http.put(format!("{}/bucket/k", store.endpoint())).body(body);
        for (name, value) in request.sign(&store.credentials) {
            sent = sent.header(name, value);
        }
        sent.send().await.unwrap().status().as_u16()
    };
    assert_eq!(put(&STANDARD.encode([0; 32])).await, 400);
    assert_eq!(store.get("k").await.unwrap(), "old");
    assert_eq!(put(&STANDARD.encode(Sha256::digest("new"))).await, 200);
    assert_eq!(store.get("k").await.unwrap(), "new");
}

#[tokio::test]
async fn wrong_signed_payload_hash_stores_nothing() {
    let store = TestStore::start().await;
    let host = store.address().to_string();
    let hash = hex::encode(Sha256::digest("signed"));
    let now = OffsetDateTime::now_utc();
    let request = HeaderSignedRequest {
        method: "PUT",
        path: "/bucket/k",
        host: &host,
        headers: &[],
        content_sha256: &hash,
        at: now,
    };
    let mut sent = store.http.put(format!("{}/bucket/k", store.endpoint())).body("forged");
    for (name, value) in request.sign(&store.credentials) {
        sent = sent.header(name, value);
    }
    assert!(sent.send().await.unwrap().status().is_client_error());
    assert_eq!(store.get("k").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_body_stores_nothing() {
    let store = TestStore::start().await;
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(for_an_hour())
        .await
        .unwrap();
    let target = put.uri().strip_prefix(&store.endpoint()).unwrap().to_owned();
    let address = store.address();
    let cut = move || {
        let mut socket = TcpStream::connect(address).unwrap();
        let head = format!(
            "PUT {target} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n",
            3 * MIB
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&noise(1, 2 * MIB)).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let mut response = String::new();
        // The store may respond, or just close the connection.
        let _ = socket.read_to_string(&mut response);
        assert!(!response.starts_with("HTTP/1.1 2"), "{response}");
    };
    tokio::task::spawn_blocking(cut).await.unwrap();
    assert_eq!(store.get("k").await, None);
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()), [""; 0].map(std::path::PathBuf::from));
}

#[tokio::test]
async fn checksums_are_returned_on_request_and_survive_copies() {
    let store = TestStore::start().await;
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"bytes"));
    let sum = put
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .unwrap()
        .checksum_sha256
        .unwrap();
    assert_eq!(sum, STANDARD.encode(Sha256::digest("bytes")));
    store
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("c")
        .copy_source(format!("{BUCKET}/k"))
        .send()
        .await
        .unwrap();
    for key in ["k", "c"] {
        let head = || store.s3.head_object().bucket(BUCKET).key(key);
        assert_eq!(head().send().await.unwrap().checksum_sha256(), None);
        let asked = head().checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(asked.checksum_sha256(), Some(sum.as_str()));
        assert_eq!(asked.checksum_type(), Some(&ChecksumType::FullObject));
    }
}

#[tokio::test]
async fn multipart_upload_stores_its_requested_checksum() {
    let store = TestStore::start().await;
    let bodies = [noise(1, 5 * MIB), noise(2, 3)];
    let whole = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("whole")
        .body(ByteStream::from(bodies.concat()));
    let whole = whole
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .send()
        .await
        .unwrap();

    for (algorithm, full) in [(ChecksumAlgorithm::Crc64Nvme, true), (ChecksumAlgorithm::Sha256, false)] {
        let create = store
            .s3
            .create_multipart_upload()
            .bucket(BUCKET)
            .key("parts")
            .checksum_algorithm(algorithm);
        let id = create.send().await.unwrap().upload_id.unwrap();
        let mut parts = CompletedMultipartUpload::builder();
        let mut sums = Vec::new();
        for (number, body) in (1..).zip(&bodies) {
            // The request of a part has no checksum: the store computes the one that the upload asks for.
            let part = store
                .s3
                .upload_part()
                .bucket(BUCKET)
                .key("parts")
                .upload_id(&id)
                .part_number(number);
            let part = part.body(ByteStream::from(body.clone())).send().await.unwrap();
            assert_eq!(part.checksum_sha256().is_some(), !full);
            sums.push((part.checksum_sha256.clone(), part.checksum_crc64_nvme.clone()));
            parts = parts.parts(
                CompletedPart::builder()
                    .part_number(number)
                    .e_tag(part.e_tag.unwrap())
                    .build(),
            );
        }
        let complete = store
            .s3
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("parts")
            .upload_id(&id);
        let complete = complete.multipart_upload(parts.build()).send().await.unwrap();
        for (number, sums) in (1..).zip(sums) {
            let get = store.s3.get_object().bucket(BUCKET).key("parts").part_number(number);
            let part = get.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
            assert_eq!(part.checksum_type(), complete.checksum_type());
            assert_eq!((part.checksum_sha256, part.checksum_crc64_nvme), sums);
        }
        if full {
            assert_eq!(complete.checksum_crc64_nvme(), whole.checksum_crc64_nvme());
            assert_eq!(complete.checksum_type(), Some(&ChecksumType::FullObject));
        } else {
            assert!(complete.checksum_sha256().unwrap().ends_with("-2"));
            assert_eq!(complete.checksum_type(), Some(&ChecksumType::Composite));
        }
    }
}
