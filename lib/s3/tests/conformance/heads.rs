//! The description of an object by HEAD.

use std::time::{Duration, SystemTime};

use draftstore_storage::{ErrorKind, ObjectHeader, PresignPut, Sha256};
use sha2::Digest as _;

use draftstore_testing::{TestBuckets, attributes, bucket, key};

pub(crate) async fn head_tells_all_about_an_object(world: &TestBuckets) {
    let key = key("notes/today.txt");
    let sha256 = Sha256::from(<[u8; 32]>::from(sha2::Sha256::digest(b"hello")));
    let put = PresignPut {
        checksum_sha256: Some(sha256),
        attributes: &attributes(Some("text/plain; charset=utf-8"), [], [("author", "ada")]),
        ..world.put(&key)
    };
    let before = SystemTime::now();
    let mut signed = world.sign_put(&put).await;
    // Headers that are not x-amz-* need no signature.
    signed.headers.insert("cache-control".to_owned(), "no-store".to_owned());
    signed
        .headers
        .insert("content-disposition".to_owned(), "inline".to_owned());
    let answer = world.send(&signed, "hello").await;
    assert_eq!(answer.status(), 200);
    let info = world.storage.head(world.draft.name(), &key).await.expect("it is there");
    assert_eq!(answer.headers()["etag"], info.etag.quoted());
    assert_eq!(info.size, 5);
    assert_eq!(info.checksum_sha256, Some(sha256));
    let second = Duration::from_secs(1);
    assert!(info.last_modified >= before - second && info.last_modified <= SystemTime::now() + second);
    let headers = [
        (ObjectHeader::CacheControl, "no-store"),
        (ObjectHeader::ContentDisposition, "inline"),
    ];
    let attributes = attributes(Some("text/plain; charset=utf-8"), headers, [("author", "ada")]);
    assert_eq!(info.attributes, attributes.into());
}

pub(crate) async fn head_of_nothing_is_not_found(world: &TestBuckets) {
    let nothing = world
        .storage
        .head(world.draft.name(), &key("nothing"))
        .await
        .expect_err("nothing");
    assert_eq!(nothing.kind, ErrorKind::NotFound);
    let nowhere = world
        .storage
        .head(&bucket("no-such-bucket"), &key("nothing"))
        .await
        .expect_err("nothing");
    assert_eq!(nowhere.kind, ErrorKind::NotFound);
}
