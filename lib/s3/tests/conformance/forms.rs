//! A form uploads what it was signed for, no more of it, and nothing else.

use std::time::{Duration, SystemTime};

use draftstore_storage::{ObjectHeader, PresignPost, Sha256};
use draftstore_testing::{SignedRequest, TestBuckets, attributes, key};
use sha2::Digest as _;

fn sha256(bytes: &[u8]) -> Sha256 {
    <[u8; 32]>::from(sha2::Sha256::digest(bytes)).into()
}

/// The form with one field of another value.
fn with(signed: &SignedRequest, field: &str, value: &str) -> SignedRequest {
    let mut other = signed.clone();
    other.fields.insert(field.to_owned(), value.to_owned());
    other
}

fn without(signed: &SignedRequest, field: &str) -> SignedRequest {
    let mut other = signed.clone();
    assert!(other.fields.remove(field).is_some(), "{field} is there");
    other
}

async fn is_refused(world: &TestBuckets, signed: &SignedRequest, file: &[u8], why: &str) {
    let status = world.send_form(signed, file).await.status();
    assert!(status.is_client_error(), "{why} was answered by {status}");
}

pub(crate) async fn a_form_uploads_up_to_its_size(world: &TestBuckets) {
    upload_up_to_the_size(world, &["etag", "location"]).await;
}

/// SeaweedFS says neither where the object is nor its version.
pub(crate) async fn a_form_uploads_up_to_its_size_and_is_answered_without_headers(world: &TestBuckets) {
    upload_up_to_the_size(world, &[]).await;
}

async fn upload_up_to_the_size(world: &TestBuckets, headers: &[&str]) {
    let key = key("a b/é+%20$1.bin");
    let signed = world.sign_post(&world.post(&key, 5)).await;
    let bucket = format!("/{}/", world.draft.name());
    assert!(signed.url.ends_with(&bucket), "{}", signed.url);
    assert!(signed.headers.is_empty());
    is_refused(world, &signed, b"123456", "a byte more").await;
    assert_eq!(world.draft_bytes(&key).await, None);
    for file in ["", "1234", "12345"] {
        let answer = world.send_form(&signed, file.as_bytes()).await;
        assert_eq!(answer.status(), 201, "{}", answer.text().await.expect("text"));
        assert!(headers.iter().all(|name| answer.headers().contains_key(*name)));
        assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(file.as_bytes()));
    }
    is_refused(world, &signed, &vec![7; 3_000_000], "far more").await;
    assert_eq!(
        world.draft_bytes(&key).await.as_deref(),
        Some(&b"12345"[..]),
        "as before"
    );
}

pub(crate) async fn every_field_of_a_form_is_enforced(world: &TestBuckets) {
    enforce_fields(world, &[]).await;
}

/// SeaweedFS takes headers that the policy does not name. No confirm carries them into main.
pub(crate) async fn every_field_that_a_form_names_is_enforced(world: &TestBuckets) {
    enforce_fields(
        world,
        &["content-encoding", "acl", "success_action_redirect", "x-amz-meta-more"],
    )
    .await;
}

async fn enforce_fields(world: &TestBuckets, unnamed: &[&str]) {
    let key = key("form.png");
    let attributes = attributes(
        Some("image/png"),
        [(ObjectHeader::CacheControl, "no-store")],
        [("author", "Ada L.")],
    );
    let signed = world
        .sign_post(&PresignPost {
            attributes: &attributes,
            ..world.post(&key, 100)
        })
        .await;
    for (field, value) in [
        ("key", "elsewhere.png"),
        ("Content-Type", "text/html"),
        ("cache-control", "public"),
        ("content-encoding", "gzip"),
        ("x-amz-meta-author", "somebody else"),
        ("x-amz-meta-more", "1"),
        ("success_action_redirect", "https://evil.example"),
        ("acl", "public-read"),
        ("x-amz-date", "20200101T000000Z"),
        ("x-amz-signature", &"0".repeat(64)),
        (
            "policy",
            "eyJleHBpcmF0aW9uIjoiMjA5OS0wMS0wMVQwMDowMDowMFoiLCJjb25kaXRpb25zIjpbXX0=",
        ),
    ] {
        if !unnamed.contains(&field) {
            is_refused(world, &with(&signed, field, value), b"png", field).await;
        }
    }
    for field in [
        "Content-Type",
        "cache-control",
        "x-amz-meta-author",
        "policy",
        "x-amz-signature",
    ] {
        is_refused(world, &without(&signed, field), b"png", field).await;
    }
    assert_eq!(world.draft_keys().await, Vec::<String>::new());
    assert_eq!(world.send_form(&signed, b"png").await.status(), 201);
    let info = world.storage.head(world.draft.name(), &key).await.expect("it is there");
    assert_eq!(info.attributes, attributes.into());
}

pub(crate) async fn a_form_is_for_the_draft_bucket_alone(world: &TestBuckets) {
    let key = key("form.bin");
    let signed = world.sign_post(&world.post(&key, 100)).await;
    is_refused(world, &world.for_main(&signed), b"bytes", "main").await;
    assert_eq!(world.main_bytes(&key).await, None);
}

pub(crate) async fn the_sha256_of_a_form_is_enforced(world: &TestBuckets) {
    let (key, right, wrong) = (key("sum.bin"), sha256(b"right"), sha256(b"wrong"));
    let signed = world
        .sign_post(&PresignPost {
            checksum_sha256: Some(right),
            ..world.post(&key, 100)
        })
        .await;
    is_refused(world, &signed, b"wrong", "other bytes").await;
    let other = with(&signed, "x-amz-checksum-sha256", &wrong.to_string());
    is_refused(world, &other, b"wrong", "another checksum").await;
    is_refused(
        world,
        &without(&signed, "x-amz-checksum-sha256"),
        b"wrong",
        "no checksum",
    )
    .await;
    assert_eq!(world.draft_bytes(&key).await, None);
    assert_eq!(world.send_form(&signed, b"right").await.status(), 201);
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"right"[..]));
}

pub(crate) async fn an_expired_form_is_refused(world: &TestBuckets) {
    let key = key("late.bin");
    let post = PresignPost {
        now: SystemTime::now() - Duration::from_secs(62),
        expires_in: Duration::from_secs(60),
        ..world.post(&key, 100)
    };
    is_refused(world, &world.sign_post(&post).await, b"bytes", "expired").await;
    assert_eq!(world.draft_bytes(&key).await, None);
}
