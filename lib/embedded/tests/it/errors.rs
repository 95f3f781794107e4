//! Error responses: what a client needs to find its mistake.

use draftstore_embedded::Credentials;

use crate::harness::{BUCKET, TestStore, client, for_an_hour};

fn element(text: &str, name: &str) -> String {
    let (_, rest) = text
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("{name} in {text}"));
    let value = rest.split_once(&format!("</{name}>")).unwrap().0;
    value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[tokio::test]
async fn every_error_has_a_message_a_resource_and_a_request_id() {
    let store = TestStore::start().await;
    let get = async |key: &str| {
        store
            .s3
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .presigned(for_an_hour())
            .await
            .unwrap()
    };
    let missing = get("a b&c").await;
    let requests = [
        store.http.get(missing.uri()),
        store.http.put(missing.uri()).body("x"),
        store.http.get(format!("{}/{BUCKET}/k", store.endpoint())),
        store.http.post(format!("{}/{BUCKET}/k?foo", store.endpoint())),
        store.http.get(format!("{}/NotABucket/k", store.endpoint())),
    ];
    for request in requests {
        let response = request.send().await.unwrap();
        let id = response.headers()["x-amz-request-id"].to_str().unwrap().to_owned();
        let path = response.url().path().to_owned();
        let text = response.text().await.unwrap();
        assert!(
            !element(&text, "Code").is_empty() && !element(&text, "Message").is_empty(),
            "{text}"
        );
        assert_eq!(
            (element(&text, "Resource"), element(&text, "RequestId")),
            (path, id),
            "{text}"
        );
    }
}

#[tokio::test]
async fn wrong_signature_is_answered_with_what_was_to_be_signed() {
    let store = TestStore::start().await;
    let wrong = Credentials {
        secret_access_key: "not it".into(),
        access_key_id: store.credentials.access_key_id.clone(),
    };
    let wrong = client(&store.endpoint(), &wrong);
    let put = wrong
        .put_object()
        .bucket(BUCKET)
        .key("ä b")
        .content_type("text/plain")
        .metadata("a", "1");
    let put = put.presigned(for_an_hour()).await.unwrap();

    let text = store.send(&put, &[], "x").await.text().await.unwrap();
    assert_eq!(element(&text, "Code"), "SignatureDoesNotMatch");
    assert_eq!(element(&text, "AWSAccessKeyId"), store.credentials.access_key_id);
    let uri = put.uri();
    assert_eq!(
        element(&text, "SignatureProvided"),
        uri.split_once("X-Amz-Signature=").unwrap().1.split('&').next().unwrap()
    );
    let canonical = element(&text, "CanonicalRequest");
    assert!(
        canonical.starts_with("PUT\n/bucket/%C3%A4%20b\nX-Amz-Algorithm="),
        "{canonical}"
    );
    assert!(
        canonical.contains("\ncontent-type:text/plain\n") && canonical.contains("\nx-amz-meta-a:1\n"),
        "{canonical}"
    );
    let to_sign = element(&text, "StringToSign");
    assert!(to_sign.ends_with(&sha256(&canonical)), "{to_sign}");
    assert!(!text.contains("HeaderMissing") && !text.contains("not it"), "{text}");
    assert!(!text.contains(&store.credentials.secret_access_key), "{text}");

    // A right signature, without a header that it covers.
    let put = store.s3.put_object().bucket(BUCKET).key("k").metadata("a", "1");
    let put = put.presigned(for_an_hour()).await.unwrap();
    let text = store
        .http
        .put(put.uri())
        .body("x")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(element(&text, "HeaderMissing"), "x-amz-meta-a");
}

/// The response contains the string that this store signs: a signature of it is accepted.
#[tokio::test]
async fn string_to_sign_of_the_response_signs_the_request() {
    let store = TestStore::start().await;
    store.put("a/b c", "x").await;
    let get = store
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("a/b c")
        .response_content_type("text/x y");
    let get = get.presigned(for_an_hour()).await.unwrap();
    let (start, signature) = get.uri().split_once("X-Amz-Signature=").unwrap();
    let (signature, rest) = signature.split_at(64);
    let wrong = format!("{start}X-Amz-Signature={}{rest}", "0".repeat(64));
    let text = store.http.get(wrong).send().await.unwrap().text().await.unwrap();
    let to_sign = element(&text, "StringToSign");
    let date = to_sign.lines().nth(2).unwrap().split('/').next().unwrap().to_owned();
    let key = crate::sign::signing_key(&store.credentials, &date);
    assert_eq!(hex::encode(crate::sign::mac(&key, &to_sign)), signature);
}

fn sha256(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::digest(text))
}
