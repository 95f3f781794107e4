//! Access: a signature allows only the signed request, and only while it is valid.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use draftstore_embedded::Credentials;
use time::OffsetDateTime;

use crate::harness::{BUCKET, TestStore, client, for_an_hour, rejection};
use crate::sign::HeaderSignedRequest;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The holder of an upload URL must not be able to read other objects by adding a header.
#[tokio::test]
async fn presigned_put_cannot_copy() {
    let store = TestStore::start().await;
    store.put("secret", "for my eyes only").await;
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("mine")
        .presigned(for_an_hour())
        .await
        .unwrap();
    let response = store.send(&put, &[("x-amz-copy-source", "/bucket/secret")], "").await;
    assert_eq!(response.status(), 403);
    assert!(response.text().await.unwrap().contains("<Code>AccessDenied</Code>"));
    assert_eq!(store.get("mine").await, None);

    let id = store
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("mine")
        .send()
        .await
        .unwrap()
        .upload_id
        .unwrap();
    let part = store
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key("mine")
        .upload_id(&id)
        .part_number(1);
    let part = part.presigned(for_an_hour()).await.unwrap();
    assert_eq!(
        store
            .send(&part, &[("x-amz-copy-source", "/bucket/secret")], "")
            .await
            .status(),
        403
    );
    let parts = store
        .s3
        .list_parts()
        .bucket(BUCKET)
        .key("mine")
        .upload_id(&id)
        .send()
        .await
        .unwrap();
    assert!(parts.parts().is_empty());
}

#[tokio::test]
async fn unsigned_amz_headers_are_rejected_for_every_operation() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    let object = || store.s3.get_object().bucket(BUCKET).key("k");
    let requests = [
        store
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .presigned(for_an_hour())
            .await
            .unwrap(),
        object().presigned(for_an_hour()).await.unwrap(),
        store
            .s3
            .head_object()
            .bucket(BUCKET)
            .key("k")
            .presigned(for_an_hour())
            .await
            .unwrap(),
        store
            .s3
            .delete_object()
            .bucket(BUCKET)
            .key("k")
            .presigned(for_an_hour())
            .await
            .unwrap(),
    ];
    for request in &requests {
        for name in [
            "x-amz-meta-a",
            "x-amz-acl",
            "x-amz-metadata-directive",
            "x-amz-checksum-mode",
            "X-Amz-Tagging",
        ] {
            let status = store.send(request, &[(name, "1")], "").await.status();
            assert_eq!(status, 403, "{} {name}", request.method());
        }
    }
    assert_eq!(store.get("k").await.unwrap(), "x");

    // With the signature in a header instead of the URL.
    let host = store.address().to_string();
    let now = OffsetDateTime::now_utc();
    let request = HeaderSignedRequest {
        method: "PUT",
        path: "/bucket/mine",
        host: &host,
        headers: &[],
        content_sha256: EMPTY,
        at: now,
    };
    let mut sent = store.http.put(format!("{}/bucket/mine", store.endpoint())).body("");
    for (name, value) in request.sign(&store.credentials) {
        sent = sent.header(name, value);
    }
    assert_eq!(
        sent.header("x-amz-copy-source", "/bucket/k")
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
    assert_eq!(store.get("mine").await, None);
}

#[tokio::test]
async fn signed_headers_are_enforced() {
    let store = TestStore::start().await;
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_length(4)
        .content_type("text/plain");
    let put = put
        .metadata("a", "b")
        .if_none_match("*")
        .presigned(for_an_hour())
        .await
        .unwrap();
    for body in ["", "123", "12345"] {
        assert_eq!(store.send(&put, &[], body).await.status(), 403, "{body:?}");
    }
    let bare = store.http.put(put.uri()).body("1234").send().await.unwrap();
    assert_eq!(bare.status(), 403);
    assert_eq!(store.get("k").await, None);
    assert_eq!(store.send(&put, &[], "1234").await.status(), 200);
    // `If-None-Match` is signed, so the URL works only once.
    assert_eq!(store.send(&put, &[], "1234").await.status(), 412);
}

#[tokio::test]
async fn modified_url_is_rejected() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    store.put("other", "x").await;
    let get = store
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(for_an_hour())
        .await
        .unwrap();
    let other = get.uri().replace("/k?", "/other?");
    let longer = get.uri().replace("X-Amz-Expires=3600", "X-Amz-Expires=36000");
    let further = format!("{}&response-content-type=text%2Fhtml", get.uri());
    for url in [other, longer, further] {
        assert_eq!(store.http.get(url).send().await.unwrap().status(), 403);
    }
    assert_eq!(store.http.put(get.uri()).send().await.unwrap().status(), 403);
    assert_eq!(store.http.get(get.uri()).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn url_is_valid_from_its_date_until_it_expires() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    let get = async |start: SystemTime, seconds: u64| {
        let times = PresigningConfig::builder()
            .start_time(start)
            .expires_in(Duration::from_secs(seconds));
        let request = store
            .s3
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .presigned(times.build().unwrap())
            .await
            .unwrap();
        let response = store.http.get(request.uri()).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let now = SystemTime::now();
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let (status, text) = get(now - minutes(2), 60).await;
    assert_eq!(status, 403);
    assert!(text.contains("<Message>Request has expired</Message>"), "{text}");
    assert_eq!(get(now + minutes(20), 3600).await.0, 403);
    // Small clock differences are tolerated.
    assert_eq!(get(now + minutes(10), 3600).await.0, 200);
    assert_eq!(get(now - minutes(2), 180).await.0, 200);
}

#[tokio::test]
async fn requests_without_valid_credentials_are_rejected() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    let url = format!("{}/bucket/k", store.endpoint());
    for request in [
        store.http.get(&url),
        store.http.put(&url).body("y"),
        store.http.delete(&url),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    let wrong_secret = Credentials {
        secret_access_key: "not it".into(),
        access_key_id: store.credentials.access_key_id.clone(),
    };
    let wrong_id = Credentials {
        access_key_id: "nobody".into(),
        secret_access_key: store.credentials.secret_access_key.clone(),
    };
    for wrong in [wrong_secret, wrong_id] {
        let client = client(&store.endpoint(), &wrong);
        assert_eq!(
            rejection(client.get_object().bucket(BUCKET).key("k").send().await).0,
            403
        );
        let get = client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .presigned(for_an_hour())
            .await
            .unwrap();
        assert_eq!(store.http.get(get.uri()).send().await.unwrap().status(), 403);
    }
    assert_eq!(store.get("k").await.unwrap(), "x");
}

#[tokio::test]
async fn stale_signed_header_is_rejected() {
    let store = TestStore::start().await;
    let host = store.address().to_string();
    for minutes in [-20, 20] {
        let at = OffsetDateTime::now_utc() + time::Duration::minutes(minutes);
        let request = HeaderSignedRequest {
            method: "GET",
            path: "/",
            host: &host,
            headers: &[],
            content_sha256: EMPTY,
            at,
        };
        let mut sent = store.http.get(store.endpoint());
        for (name, value) in request.sign(&store.credentials) {
            sent = sent.header(name, value);
        }
        assert_eq!(sent.send().await.unwrap().status(), 403, "{minutes} minutes");
    }
}
