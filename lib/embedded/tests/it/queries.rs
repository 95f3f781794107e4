//! Queries: what is asked for is done or refused, never ignored.

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::presigning::PresignedRequest;

use crate::harness::{BUCKET, TestStore, for_an_hour, rejection};

/// Appends parameters to the query, before the request is signed.
fn with_query(query: &'static str) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    move |request| {
        let separator = if request.uri().contains('?') { '&' } else { '?' };
        let uri = format!("{}{separator}{query}", request.uri());
        request.set_uri(uri).unwrap();
    }
}

const UNKNOWN: [&str; 8] = [
    "encryption",
    "annotation",
    "renameObject",
    "foo",
    "foo=bar",
    "partNumber=1",
    "Tagging",
    "x-amz-unheard-of=1",
];

#[tokio::test]
async fn unknown_parameter_is_not_implemented_and_changes_nothing() {
    let store = TestStore::start().await;
    store.put("k", "before").await;
    for query in UNKNOWN {
        let not_implemented = (501, "NotImplemented".to_owned());
        let put = store
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(b"after".to_vec().into());
        let put = put.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(put), not_implemented, "PUT ?{query}");
        let copy = store.s3.copy_object().bucket(BUCKET).key("k").copy_source("bucket/k");
        let copy = copy.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(copy), not_implemented, "copy ?{query}");
        let delete = store.s3.delete_object().bucket(BUCKET).key("k");
        let delete = delete.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(delete), not_implemented, "DELETE ?{query}");
        let create = store.s3.create_bucket().bucket("another");
        let create = create.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(create).0, 501, "PUT of a bucket ?{query}");
        let delete = store.s3.delete_bucket().bucket(BUCKET);
        let delete = delete.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(delete).0, 501, "DELETE of a bucket ?{query}");
        let list = store.s3.list_objects_v2().bucket(BUCKET);
        let list = list.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(list).0, 501, "list ?{query}");
        if query != "partNumber=1" {
            let get = store.s3.get_object().bucket(BUCKET).key("k");
            let get = get.customize().mutate_request(with_query(query)).send().await;
            assert_eq!(rejection(get), not_implemented, "GET ?{query}");
        }
    }
    assert_eq!(store.get("k").await.unwrap(), "before");
    assert!(store.s3.head_bucket().bucket("another").send().await.is_err());
}

#[tokio::test]
async fn version_is_the_null_version_or_refused() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    for (query, status) in [
        ("versionId=", 400),
        ("versionId=other", 400),
        ("versionId=a&versionId=null", 400),
    ] {
        let delete = store.s3.delete_object().bucket(BUCKET).key("k");
        let delete = delete.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(delete).0, status, "{query}");
        let get = store.s3.get_object().bucket(BUCKET).key("k");
        let get = get.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(get).0, status, "{query}");
        let put = store.s3.put_object().bucket(BUCKET).key("k");
        let put = put.customize().mutate_request(with_query(query)).send().await;
        assert_eq!(rejection(put).0, 501, "{query}");
    }
    assert_eq!(store.get("k").await.unwrap(), "x");
    let delete = store.s3.delete_object().bucket(BUCKET).key("k").version_id("null");
    delete.send().await.unwrap();
    assert_eq!(store.get("k").await, None);
}

async fn put_with_query(store: &TestStore, query: &'static str) -> PresignedRequest {
    let put = store.s3.put_object().bucket(BUCKET).key("k");
    let put = put.customize().mutate_request(with_query(query));
    put.presigned(for_an_hour()).await.unwrap()
}

#[tokio::test]
async fn headers_in_a_presigned_query_are_honoured() {
    let store = TestStore::start().await;
    store.put("source", "copied").await;

    let put = put_with_query(&store, "x-amz-meta-a=1%202&X-Amz-Meta-B=3").await;
    assert_eq!(store.send(&put, &[], "sent").await.status(), 200);
    let head = store.s3.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    let metadata = head.metadata.unwrap();
    assert_eq!((metadata["a"].as_str(), metadata["b"].as_str()), ("1 2", "3"));
    // The holder of the URL may repeat the header, and not change it.
    assert_eq!(store.send(&put, &[("x-amz-meta-a", "1 2")], "sent").await.status(), 200);
    assert_eq!(
        store.send(&put, &[("x-amz-meta-a", "other")], "sent").await.status(),
        400
    );

    // The SHA-256 of `sent`.
    let sum = "x-amz-checksum-sha256=p2WtF4n1n8aF%2FywlbwE5QgMGMXrUNCZL2b9MLZeEbzg%3D";
    let put = put_with_query(&store, sum).await;
    assert_eq!(store.send(&put, &[], "another").await.status(), 400);

    let put = put_with_query(&store, "x-amz-copy-source=%2Fbucket%2Fsource").await;
    assert_eq!(store.send(&put, &[], "").await.status(), 200);
    assert_eq!(store.get("k").await.unwrap(), "copied");

    for unsupported in [
        "x-amz-acl=public-read",
        "x-amz-server-side-encryption=AES256",
        "x-amz-grant-read=id%3D1",
    ] {
        let put = put_with_query(&store, unsupported).await;
        assert_eq!(store.send(&put, &[], "x").await.status(), 501, "{unsupported}");
    }
    assert_eq!(store.get("k").await.unwrap(), "copied");
}

/// The SDK for JavaScript presigns an upload with the checksum of an empty body, because it does not know the body yet.
#[tokio::test]
async fn checksum_of_no_bytes_in_a_presigned_query_does_not_bind_the_body() {
    let store = TestStore::start().await;
    let put = put_with_query(
        &store,
        "x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32",
    )
    .await;
    assert_eq!(store.send(&put, &[], "sent").await.status(), 200);
    assert_eq!(store.get("k").await.unwrap(), "sent");
}

#[tokio::test]
async fn request_signed_twice_is_rejected() {
    let store = TestStore::start().await;
    let put = put_with_query(&store, "").await;
    let response = store.send(&put, &[("authorization", "Bearer abc")], "x").await;
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("Only one auth mechanism"));
    assert_eq!(store.get("k").await, None);
}

#[tokio::test]
async fn upload_of_unknown_length_is_rejected() {
    let store = TestStore::start().await;
    let put = put_with_query(&store, "").await;
    let chunks = futures::stream::iter([Ok::<_, std::io::Error>("some"), Ok("thing")]);
    let response = store.send(&put, &[], reqwest::Body::wrap_stream(chunks)).await;
    assert_eq!(response.status(), 411);
    assert!(response.text().await.unwrap().contains("MissingContentLength"));
    assert_eq!(store.get("k").await, None);
}

#[tokio::test]
async fn form_with_a_query_is_rejected() {
    let store = TestStore::start().await;
    let form = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b--\r\n";
    let url = format!("{}/{BUCKET}?x-amz-meta-a=1", store.endpoint());
    let response = store
        .http
        .post(url)
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 501);
}
