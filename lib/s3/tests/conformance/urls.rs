//! A presigned URL grants what it was signed for, while it was signed for, and nothing else.

use std::time::{Duration, SystemTime};

use draftstore_storage::{Presign as _, PresignGet};

use draftstore_testing::{SignedRequest, TestBuckets, connect, get, key, settings};

pub(crate) async fn a_url_for_a_key_alone_works_without_headers(world: &TestBuckets) {
    let key = key("plain.bin");
    let signed = world.sign_put(&world.put(&key)).await;
    assert!(signed.headers.is_empty(), "{:?}", signed.headers);
    assert_eq!(world.send(&signed, "bytes").await.status(), 200);
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"bytes"[..]));
}

pub(crate) async fn an_upload_replaces_the_draft_whole(world: &TestBuckets) {
    let (key, long) = (key("again.bin"), vec![7_u8; 3_000_000]);
    let first = world.upload(&key, long.clone()).await;
    assert_eq!(world.draft_bytes(&key).await, Some(long));
    assert_ne!(world.upload(&key, "short").await, first);
    assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(&b"short"[..]));
}

pub(crate) async fn a_tampered_url_is_refused(world: &TestBuckets) {
    let key = key("tampered.bin");
    let signed = world.sign_put(&world.put(&key)).await;
    let tampered = [
        swapped(&signed, "X-Amz-Signature=", |signature| {
            signature.chars().rev().collect()
        }),
        swapped(&signed, "X-Amz-Expires=", |_| "7200".to_owned()),
        swapped(&signed, "X-Amz-Credential=", |credential| {
            format!("X{}", &credential[1..])
        }),
        SignedRequest {
            url: format!("{}&versionId=1", signed.url),
            ..signed.clone()
        },
    ];
    for tampered in tampered {
        assert_ne!(tampered.url, signed.url);
        assert_eq!(world.send(&tampered, "bytes").await.status(), 403);
    }
    assert_eq!(world.draft_bytes(&key).await, None);
}

fn swapped(signed: &SignedRequest, name: &str, swap: impl Fn(&str) -> String) -> SignedRequest {
    let (before, rest) = signed.url.split_once(name).expect("the parameter is there");
    let end = rest.find('&').unwrap_or(rest.len());
    let (value, after) = rest.split_at(end);
    SignedRequest {
        url: format!("{before}{name}{}{after}", swap(value)),
        ..signed.clone()
    }
}

pub(crate) async fn an_expired_url_is_refused_with_403(world: &TestBuckets) {
    expired_url_is_refused(world, 403).await;
}

/// Garage's lack.
pub(crate) async fn an_expired_url_is_refused_with_400(world: &TestBuckets) {
    expired_url_is_refused(world, 400).await;
}

async fn expired_url_is_refused(world: &TestBuckets, status: u16) {
    let key = key("late.bin");
    let (now, expires_in) = (SystemTime::now() - Duration::from_secs(62), Duration::from_secs(60));
    let put = draftstore_storage::PresignPut {
        now,
        expires_in,
        ..world.put(&key)
    };
    assert_eq!(world.send(&world.sign_put(&put).await, "bytes").await.status(), status);
    assert_eq!(world.draft_bytes(&key).await, None);

    world.upload(&key, "bytes").await;
    let get = PresignGet {
        now,
        expires_in,
        ..get(world.draft.name(), &key)
    };
    assert_eq!(world.send(&world.sign_get(&get).await, "").await.status(), status);
}

pub(crate) async fn a_url_is_for_one_key_and_one_method(world: &TestBuckets) {
    let (mine, other) = (key("mine.bin"), key("other.bin"));
    world.upload(&other, "other's").await;
    let put = world.sign_put(&world.put(&mine)).await;
    let elsewhere = SignedRequest {
        url: put.url.replacen("mine.bin", "other.bin", 1),
        ..put.clone()
    };
    assert_eq!(world.send(&elsewhere, "bytes").await.status(), 403);
    assert_eq!(world.send(&world.for_main(&put), "bytes").await.status(), 403);
    assert_eq!(world.draft_bytes(&other).await.as_deref(), Some(&b"other's"[..]));
    assert_eq!(world.main_bytes(&mine).await, None);

    world.upload(&mine, "mine").await;
    for method in [
        reqwest::Method::GET,
        reqwest::Method::HEAD,
        reqwest::Method::DELETE,
        reqwest::Method::POST,
    ] {
        let method = SignedRequest { method, ..put.clone() };
        let status = world.send(&method, "").await.status();
        assert!(status.is_client_error(), "{} was answered by {status}", method.method);
    }
    let download = world.sign_get(&get(world.draft.name(), &mine)).await;
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE] {
        let method = SignedRequest {
            method,
            ..download.clone()
        };
        assert_eq!(world.send(&method, "bytes").await.status(), 403, "{}", method.method);
    }
    assert_eq!(world.draft_bytes(&mine).await.as_deref(), Some(&b"mine"[..]));
}

pub(crate) async fn a_download_answers_with_the_type_and_disposition_it_was_signed_with(world: &TestBuckets) {
    let key = key("page.html");
    let mut signed = world.sign_put(&world.put(&key)).await;
    signed.headers.insert("content-type".to_owned(), "text/html".to_owned());
    assert_eq!(world.send(&signed, "<script>").await.status(), 200);
    let disposition = "attachment; filename=\"a b.html\"; filename*=UTF-8''%C3%BC.html";
    let content_type = "text/plain; charset=\"a b\"".parse().expect("a media type");
    let get = PresignGet {
        response_content_type: &content_type,
        response_content_disposition: disposition,
        ..get(world.draft.name(), &key)
    };
    let answer = world.send(&world.sign_get(&get).await, "").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-disposition"], disposition);
    assert_eq!(answer.headers()["content-type"], content_type.as_str());
}

pub(crate) async fn a_url_says_when_the_credentials_that_signed_it_end(world: &TestBuckets) {
    let mut settings = settings(&world.endpoint);
    let end = SystemTime::now() + Duration::from_secs(600);
    settings.credentials.as_mut().expect("credentials").expires_at = Some(end);
    let storage = connect(settings).await;
    let key = key("temporary.bin");
    let signed: SignedRequest = storage.presign_put(&world.put(&key)).await.expect("signed").into();
    assert!(signed.expires_at <= end && signed.expires_at > end - Duration::from_secs(2));
    assert_eq!(world.send(&signed, "bytes").await.status(), 200);
}
