//! Single objects: a GET returns what a PUT stored, for any key.

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::MetadataDirective;

use crate::harness::{BUCKET, MIB, TestStore, for_an_hour, noise, rejection};

const KEYS: [&str; 18] = [
    "plain.txt",
    "a b",
    "a+b",
    "50%",
    "%2e%2e/%41",
    "#?&=;:@!$'()*,~",
    "e\u{301}",
    "\u{e9}",
    "👩‍👩‍👧‍👦.png",
    "日本語/ファイル",
    "../../../../etc/passwd",
    "./a/../b",
    "/leading",
    "a//b",
    "trailing/",
    "back\\slash",
    "<xml>&\"quotes\"",
    "..",
];

#[tokio::test]
async fn keys_of_every_kind_round_trip() {
    let store = TestStore::start().await;
    let long = "k".repeat(1024);
    let keys: Vec<&str> = KEYS.iter().copied().chain([long.as_str()]).collect();
    for key in &keys {
        store.put(key, key.as_bytes().to_vec()).await;
    }
    for key in &keys {
        assert_eq!(store.get(key).await.unwrap(), key.as_bytes(), "{key:?}");
        let source = key
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<Vec<_>>()
            .concat();
        let copy = store
            .s3
            .copy_object()
            .bucket(BUCKET)
            .key("copy")
            .copy_source(format!("{BUCKET}/{source}"));
        copy.send().await.unwrap();
        assert_eq!(store.get("copy").await.unwrap(), key.as_bytes(), "{key:?}");
    }
    store
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key("copy")
        .send()
        .await
        .unwrap();
    let list = store.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(
        list.contents()
            .iter()
            .map(|object| object.key().unwrap())
            .collect::<Vec<_>>(),
        sorted
    );
    for key in &keys {
        store.s3.delete_object().bucket(BUCKET).key(*key).send().await.unwrap();
        assert_eq!(store.get(key).await, None, "{key:?}");
    }
}

#[tokio::test]
async fn key_of_1025_bytes_is_rejected() {
    let store = TestStore::start().await;
    let put = store.s3.put_object().bucket(BUCKET).key("k".repeat(1025)).send().await;
    assert_eq!(rejection(put), (400, "KeyTooLongError".into()));
}

#[tokio::test]
async fn attributes_and_metadata_are_returned() {
    let store = TestStore::start().await;
    let expires = DateTime::from_secs(2_000_000_000);
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"hello"));
    let put = put
        .content_type("text/plain; charset=utf-8")
        .content_encoding("identity")
        .content_language("de")
        .content_disposition("attachment; filename=\"h.txt\"")
        .cache_control("no-store")
        .expires(expires)
        .metadata("color", "blue");
    let put = put.send().await.unwrap();
    assert_eq!(put.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    for key in ["k", "copy"] {
        let head = store.s3.head_object().bucket(BUCKET).key(key).send().await.unwrap();
        assert_eq!(head.e_tag(), put.e_tag());
        assert_eq!(head.content_length(), Some(5));
        assert_eq!(head.content_type(), Some("text/plain; charset=utf-8"));
        assert_eq!(head.content_encoding(), Some("identity"));
        assert_eq!(head.content_language(), Some("de"));
        assert_eq!(head.content_disposition(), Some("attachment; filename=\"h.txt\""));
        assert_eq!(head.cache_control(), Some("no-store"));
        assert!(head.expires_string().is_some_and(|expires| expires.contains("2033")));
        assert_eq!(head.metadata().unwrap()["color"], "blue");
        let copy = store
            .s3
            .copy_object()
            .bucket(BUCKET)
            .key("copy")
            .copy_source(format!("{BUCKET}/k"));
        copy.send().await.unwrap();
    }
    let replace = store
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("copy")
        .copy_source(format!("{BUCKET}/k"));
    let replace = replace
        .metadata_directive(MetadataDirective::Replace)
        .content_type("a/b")
        .metadata("size", "L");
    replace.send().await.unwrap();
    let head = store.s3.head_object().bucket(BUCKET).key("copy").send().await.unwrap();
    assert_eq!(head.content_type(), Some("a/b"));
    assert_eq!(head.metadata().unwrap().get("color"), None);
    assert_eq!(head.metadata().unwrap()["size"], "L");
}

#[tokio::test]
async fn copy_onto_itself_must_replace_the_metadata() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    let copy = || {
        store
            .s3
            .copy_object()
            .bucket(BUCKET)
            .key("k")
            .copy_source(format!("{BUCKET}/k"))
    };
    assert_eq!(rejection(copy().send().await), (400, "InvalidRequest".into()));
    copy()
        .metadata_directive(MetadataDirective::Replace)
        .metadata("a", "b")
        .send()
        .await
        .unwrap();
    assert_eq!(store.get("k").await.unwrap(), "x");
}

#[tokio::test]
async fn range_returns_only_its_bytes() {
    let store = TestStore::start().await;
    let body = noise(1, 2 * MIB + 17);
    store.put("k", body.clone()).await;
    let len = body.len();
    let cases = [
        ("bytes=0-0", 0..1),
        ("bytes=1048570-1048580", 1_048_570..1_048_581),
        ("bytes=-5", len - 5..len),
        ("bytes=2097152-", 2 * MIB..len),
        ("bytes=5-99999999", 5..len),
    ];
    for (range, bytes) in cases {
        let got = store
            .s3
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .range(range)
            .send()
            .await
            .unwrap();
        let content_range = format!("bytes {}-{}/{len}", bytes.start, bytes.end - 1);
        assert_eq!(got.content_range(), Some(content_range.as_str()));
        assert_eq!(
            got.body.collect().await.unwrap().into_bytes(),
            body.slice(bytes),
            "{range}"
        );
    }
    let beyond = store
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .range(format!("bytes={len}-"))
        .send()
        .await;
    assert_eq!(rejection(beyond), (416, "InvalidRange".into()));
}

#[tokio::test]
async fn empty_object_can_be_stored() {
    let store = TestStore::start().await;
    assert_eq!(store.put("k", "").await, "\"d41d8cd98f00b204e9800998ecf8427e\"");
    assert_eq!(store.get("k").await.unwrap(), "");
    store
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("c")
        .copy_source(format!("{BUCKET}/k"))
        .send()
        .await
        .unwrap();
    assert_eq!(store.get("c").await.unwrap(), "");
}

#[tokio::test]
async fn response_headers_can_be_overridden() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    let got = store.s3.get_object().bucket(BUCKET).key("k");
    let got = got
        .response_content_type("text/css")
        .response_content_disposition("inline")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (got.content_type(), got.content_disposition()),
        (Some("text/css"), Some("inline"))
    );
}

#[tokio::test]
async fn metadata_over_2_kb_is_rejected() {
    let store = TestStore::start().await;
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .metadata("k", "v".repeat(2048))
        .send()
        .await;
    assert_eq!(rejection(put), (400, "MetadataTooLarge".into()));
}

#[tokio::test]
async fn unsupported_features_are_rejected_and_not_ignored() {
    let store = TestStore::start().await;
    let put = || store.s3.put_object().bucket(BUCKET).key("k");
    let encryption = aws_sdk_s3::types::ServerSideEncryption::Aes256;
    assert_eq!(rejection(put().server_side_encryption(encryption).send().await).0, 501);
    assert_eq!(
        rejection(put().acl(aws_sdk_s3::types::ObjectCannedAcl::PublicRead).send().await).0,
        501
    );
    assert_eq!(store.get("k").await, None);
}

#[tokio::test]
async fn bucket_is_created_once_and_deleted_only_when_empty() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    store.s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(store.get("k").await.unwrap(), "x");
    store.s3.head_bucket().bucket(BUCKET).send().await.unwrap();
    store.s3.get_bucket_location().bucket(BUCKET).send().await.unwrap();
    let delete = || store.s3.delete_bucket().bucket(BUCKET).send();
    assert_eq!(rejection(delete().await), (409, "BucketNotEmpty".into()));
    store.s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    // A multipart upload in progress does not prevent it, and its parts are removed.
    let upload = store
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("u")
        .send()
        .await
        .unwrap();
    let part = store
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key("u")
        .upload_id(upload.upload_id().unwrap());
    part.part_number(1)
        .body(ByteStream::from_static(b"part"))
        .send()
        .await
        .unwrap();
    delete().await.unwrap();
    assert_eq!(rejection(store.s3.head_bucket().bucket(BUCKET).send().await).0, 404);
    assert!(store.s3.list_buckets().send().await.unwrap().buckets().is_empty());
    let put = store.s3.put_object().bucket(BUCKET).key("k").send().await;
    assert_eq!(rejection(put), (404, "NoSuchBucket".into()));
}

#[tokio::test]
async fn download_resumes_only_for_the_same_object() {
    let store = TestStore::start().await;
    let etag = store.put("k", "0123456789").await;
    let get = store
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(for_an_hour())
        .await
        .unwrap();
    let resume = async |validator: &str| {
        let response = store
            .send(&get, &[("range", "bytes=5-"), ("if-range", validator)], "")
            .await;
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(resume(&etag).await, (206, "56789".into()));
    assert_eq!(resume("\"another\"").await, (200, "0123456789".into()));
}
