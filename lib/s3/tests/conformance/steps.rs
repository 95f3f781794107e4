//! A client that speaks S3 by itself takes an upload from its beginning to its end by signed requests.

use std::time::{Duration, SystemTime};

use draftstore_storage::{Attributes, ObjectKey, PresignPart, PresignStep, UploadId, UploadStep};
use draftstore_testing::{SignedRequest, TestBuckets, key};

async fn sign(world: &TestBuckets, key: &ObjectKey, step: UploadStep<'_>) -> SignedRequest {
    let step = PresignStep {
        bucket: &world.draft,
        key,
        step,
        now: SystemTime::now(),
        expires_in: Duration::from_secs(60),
    };
    let signed: SignedRequest = world.storage.presign_step(&step).await.expect("signed").into();
    assert!(signed.headers.is_empty() && signed.fields.is_empty());
    signed
}

/// Sends it with a content type, as browsers do.
async fn send(world: &TestBuckets, signed: &SignedRequest, body: String) -> (u16, String) {
    let request = world.http.request(signed.method.clone(), &signed.url);
    let answer = request.header("content-type", "text/x-any").body(body).send().await;
    let answer = answer.expect("the store answers");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).expect("the element");
    rest.split('<').next().expect("a text")
}

async fn begin(world: &TestBuckets, key: &ObjectKey) -> UploadId {
    let (status, created) = send(
        world,
        &sign(world, key, UploadStep::Create(Attributes::NONE)).await,
        String::new(),
    )
    .await;
    assert_eq!(status, 200, "{created}");
    UploadId::new(element(&created, "UploadId"))
}

pub(crate) async fn an_upload_is_made_by_signed_steps(world: &TestBuckets) {
    let key = key("a b/é+%20.bin");
    let id = begin(world, &key).await;
    let part = PresignPart {
        bucket: &world.draft,
        key: &key,
        upload_id: &id,
        number: 1,
        content_length: None,
        checksum_sha256: None,
        now: SystemTime::now(),
        expires_in: Duration::from_secs(60),
    };
    let part: SignedRequest = world.storage.presign_part(&part).await.expect("signed").into();
    let answer = world.send(&part, "bytes").await;
    assert_eq!(answer.status(), 200);
    let etag = answer.headers()["etag"].to_str().expect("ASCII").to_owned();

    let (status, listed) = send(
        world,
        &sign(world, &key, UploadStep::ListParts(&id)).await,
        String::new(),
    )
    .await;
    assert_eq!((status, element(&listed, "PartNumber")), (200, "1"), "{listed}");

    let list = sign(world, &key, UploadStep::ListParts(&id)).await;
    let as_abort = SignedRequest {
        method: reqwest::Method::DELETE,
        ..list
    };
    assert_eq!(
        send(world, &as_abort, String::new()).await.0,
        403,
        "a step is for one method"
    );
    let elsewhere = sign(world, &key, UploadStep::Complete(&id)).await;
    let elsewhere = world.for_main(&elsewhere);

    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    assert_eq!(
        send(world, &elsewhere, body.clone()).await.0,
        403,
        "a step is for the draft bucket"
    );
    let (status, completed) = send(world, &sign(world, &key, UploadStep::Complete(&id)).await, body).await;
    assert_eq!(status, 200, "{completed}");
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"bytes"[..]));
}

pub(crate) async fn an_upload_is_given_up_by_a_signed_step(world: &TestBuckets) {
    let key = key("given-up.bin");
    let id = begin(world, &key).await;
    assert_eq!(world.uploads().await, 1);
    let (status, _) = send(world, &sign(world, &key, UploadStep::Abort(&id)).await, String::new()).await;
    assert_eq!(status, 204);
    assert_eq!(world.uploads().await, 0);
}
