//! The constraints that an upload was signed with are enforced by the store: judged by what is there afterwards.

use std::collections::BTreeMap;

use draftstore_storage::{ObjectHeader, PresignPut, Sha256};
use sha2::Digest as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use draftstore_testing::{SignedRequest, TestBuckets, attributes, key};

fn sha256(bytes: &[u8]) -> Sha256 {
    <[u8; 32]>::from(sha2::Sha256::digest(bytes)).into()
}

/// Sent with the header values that were signed but for one, and another body.
async fn is_refused(world: &TestBuckets, signed: &SignedRequest, swap: (&str, &str), body: &'static str) {
    let mut swapped = signed.clone();
    swapped.headers.insert(swap.0.to_owned(), swap.1.to_owned());
    let status = world.send(&swapped, body).await.status();
    assert!(status.is_client_error(), "{swap:?} was answered by {status}");
}

pub(crate) async fn the_signed_length_is_enforced(world: &TestBuckets) {
    let key = key("length.bin");
    let signed = world
        .sign_put(&PresignPut {
            content_length: Some(5),
            ..world.put(&key)
        })
        .await;
    assert_eq!(
        signed.headers,
        BTreeMap::from([("content-length".to_owned(), "5".to_owned())])
    );
    for (length, body) in [("6", "123456"), ("4", "1234"), ("0", "")] {
        is_refused(world, &signed, ("content-length", length), body).await;
    }
    assert_eq!(world.draft_bytes(&key).await, None);
    assert_eq!(world.send(&signed, "12345").await.status(), 200);
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"12345"[..]));
}

pub(crate) async fn an_upload_that_breaks_off_leaves_nothing(world: &TestBuckets) {
    let key = key("broken.bin");
    let signed = world
        .sign_put(&PresignPut {
            content_length: Some(100_000),
            ..world.put(&key)
        })
        .await;
    let (host, path) = signed
        .url
        .strip_prefix("http://")
        .and_then(|url| url.split_once('/'))
        .expect("an http URL");
    let mut connection = TcpStream::connect(host).await.expect("the store is there");
    let head = format!("PUT /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 100000\r\n\r\n");
    connection.write_all(head.as_bytes()).await.expect("sent");
    connection.write_all(&vec![7; 50_000]).await.expect("sent");
    connection.shutdown().await.expect("closed");
    // The store has noticed once it closes its side too.
    let mut answer = Vec::new();
    drop(connection.read_to_end(&mut answer).await);
    assert!(
        !answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(world.draft_bytes(&key).await, None);
}

pub(crate) async fn the_signed_content_type_is_enforced(world: &TestBuckets) {
    let key = key("type.png");
    let signed = world
        .sign_put(&PresignPut {
            attributes: &attributes(Some("image/png"), [], []),
            ..world.put(&key)
        })
        .await;
    is_refused(world, &signed, ("content-type", "text/html"), "<script>").await;
    let without = SignedRequest {
        headers: BTreeMap::new(),
        ..signed.clone()
    };
    assert!(world.send(&without, "<script>").await.status().is_client_error());
    assert_eq!(world.draft_bytes(&key).await, None);
    assert_eq!(world.send(&signed, "png").await.status(), 200);
    let info = world.storage.head(world.draft.name(), &key).await.expect("it is there");
    assert_eq!(info.attributes.content_type.as_deref(), Some("image/png"));
}

pub(crate) async fn the_signed_sha256_is_enforced(world: &TestBuckets) {
    let (key, right, wrong) = (key("sum.bin"), sha256(b"right"), sha256(b"wrong"));
    let signed = world
        .sign_put(&PresignPut {
            checksum_sha256: Some(right),
            ..world.put(&key)
        })
        .await;
    assert!(
        world.send(&signed, "wrong").await.status().is_client_error(),
        "other bytes"
    );
    is_refused(world, &signed, ("x-amz-checksum-sha256", &wrong.to_string()), "wrong").await;
    let without = SignedRequest {
        headers: BTreeMap::new(),
        ..signed.clone()
    };
    assert!(
        world.send(&without, "wrong").await.status().is_client_error(),
        "no checksum"
    );
    assert_eq!(world.draft_bytes(&key).await, None);
    assert_eq!(world.send(&signed, "right").await.status(), 200);
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"right"[..]));
}

pub(crate) async fn a_refused_upload_leaves_the_draft_before_it(world: &TestBuckets) {
    let key = key("sum.bin");
    world.upload(&key, "before").await;
    let checksum_sha256 = Some(sha256(b"right"));
    let signed = world
        .sign_put(&PresignPut {
            checksum_sha256,
            ..world.put(&key)
        })
        .await;
    assert!(world.send(&signed, "wrong").await.status().is_client_error());
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"before"[..]));
}

pub(crate) async fn signed_metadata_lands(world: &TestBuckets) {
    let key = key("meta.bin");
    let attributes = attributes(None, [], [("author", "ada"), ("x-2", "2")]);
    let signed = world
        .sign_put(&PresignPut {
            attributes: &attributes,
            ..world.put(&key)
        })
        .await;
    is_refused(world, &signed, ("x-amz-meta-author", "somebody else"), "bytes").await;
    assert_eq!(world.send(&signed, "bytes").await.status(), 200);
    let info = world.storage.head(world.draft.name(), &key).await.expect("it is there");
    assert_eq!(info.attributes.metadata, attributes.metadata);
}

pub(crate) async fn every_signed_header_is_enforced_and_lands(world: &TestBuckets) {
    for (header, value, other) in [
        (ObjectHeader::CacheControl, "max-age=60", "public, immutable"),
        (ObjectHeader::ContentDisposition, "attachment; filename=a", "inline"),
        (ObjectHeader::ContentEncoding, "gzip", "br"),
        (ObjectHeader::ContentLanguage, "de, en", "fr"),
    ] {
        let key = key(header.as_str());
        let put = PresignPut {
            attributes: &attributes(None, [(header, value)], []),
            ..world.put(&key)
        };
        let signed = world.sign_put(&put).await;
        is_refused(world, &signed, (header.header(), other), "bytes").await;
        let without = SignedRequest {
            headers: BTreeMap::new(),
            ..signed.clone()
        };
        assert!(world.send(&without, "bytes").await.status().is_client_error());
        assert_eq!(world.draft_bytes(&key).await, None);
        assert_eq!(world.send(&signed, "bytes").await.status(), 200);
        let info = world.storage.head(world.draft.name(), &key).await.expect("it is there");
        assert_eq!(info.attributes.headers, [(header, value.to_owned())].into());
    }
}

pub(crate) async fn an_unsigned_copy_source_is_refused(world: &TestBuckets) {
    let (secret, mine) = (key("secret.bin"), key("mine.bin"));
    world.upload(&secret, "secret").await;
    let mut signed = world.sign_put(&world.put(&mine)).await;
    signed.headers.extend([world.copy_source(&secret)]);
    let status = world.send(&signed, "").await.status();
    assert!(status.is_client_error(), "{status}");
    assert_eq!(world.draft_bytes(&mine).await, None);
}

pub(crate) async fn a_write_once_url_writes_once(world: &TestBuckets) {
    let key = key("once.bin");
    let signed = world
        .sign_put(&PresignPut {
            write_once: true,
            ..world.put(&key)
        })
        .await;
    assert_eq!(world.send(&signed, "first").await.status(), 200);
    assert_eq!(world.send(&signed, "second").await.status(), 412);
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"first"[..]));
}

/// Garage's lack.
pub(crate) async fn a_write_once_url_writes_again(world: &TestBuckets) {
    let key = key("once.bin");
    let signed = world
        .sign_put(&PresignPut {
            write_once: true,
            ..world.put(&key)
        })
        .await;
    assert_eq!(world.send(&signed, "first").await.status(), 200);
    assert_eq!(world.send(&signed, "second").await.status(), 200);
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"second"[..]));
}
