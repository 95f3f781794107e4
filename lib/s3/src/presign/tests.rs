//! The URLs and forms that settings and requests lead to.

use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use draftstore_storage::{Attributes, DraftBucket, ErrorKind, MediaType, ObjectHeader, UploadId};

use super::*;
use crate::{Settings, StaticCredentials};

/// A second and a half past the start of a minute.
const NOW: Duration = Duration::from_millis(1_700_000_001_500);

fn now() -> SystemTime {
    UNIX_EPOCH + NOW
}

fn settings() -> Settings {
    let credentials = Some(StaticCredentials::new("AKID", "hush"));
    Settings {
        endpoint: Some("http://store:9000".into()),
        credentials,
        ..Settings::new("us-east-1")
    }
}

fn until(end: Duration) -> Settings {
    let temporary = StaticCredentials {
        session_token: Some("token".into()),
        expires_at: Some(now() + end),
        ..StaticCredentials::new("AKID", "hush")
    };
    Settings {
        credentials: Some(temporary),
        ..settings()
    }
}

async fn sign(settings: Settings, change: impl FnOnce(&mut PresignPut<'_>)) -> Result<PresignedRequest, Error> {
    let (draft, main): (BucketName, BucketName) = ("b-draft".parse().unwrap(), "main".parse().unwrap());
    let (bucket, _) = DraftBucket::pair(draft, main).unwrap();
    let key = ObjectKey::new("a b/ü+.txt").unwrap();
    let mut put = PresignPut {
        bucket: &bucket,
        key: &key,
        content_length: None,
        checksum_sha256: None,
        attributes: Attributes::NONE,
        write_once: false,
        now: now(),
        expires_in: Duration::from_secs(3600),
    };
    change(&mut put);
    S3Storage::connect(settings)
        .await
        .expect("good settings")
        .presign_put(&put)
        .await
}

fn query(url: &str) -> BTreeMap<&str, &str> {
    let (_, query) = url.split_once('?').expect("a query");
    query
        .split('&')
        .map(|pair| pair.split_once('=').expect("a value"))
        .collect()
}

#[tokio::test]
async fn a_url_for_a_key_alone_needs_no_headers() {
    let signed = sign(settings(), |_| ()).await.expect("signed");
    assert_eq!(signed.headers, BTreeMap::new());
    let url = signed.url.expose();
    assert!(
        url.starts_with("http://store:9000/b-draft/a%20b/%C3%BC%2B.txt?"),
        "{url}"
    );
    let query = query(&url);
    let names: Vec<_> = query.keys().copied().collect();
    let expected = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Signature",
    ];
    assert_eq!(names[..5], expected);
    assert_eq!(names[5..], ["X-Amz-SignedHeaders"]);
    assert_eq!(query["X-Amz-SignedHeaders"], "host");
}

#[tokio::test]
async fn constraints_become_signed_headers_and_no_others_do() {
    static ATTRIBUTES: LazyLock<Attributes> = LazyLock::new(|| {
        let mut attributes = Attributes {
            content_type: "text/plain; charset=utf-8".parse().ok(),
            metadata: [("author".to_owned(), "ada".to_owned())].into(),
            ..Attributes::default()
        };
        let date = "Thu, 31 Dec 2026 23:59:59 GMT";
        attributes.headers.set(ObjectHeader::Expires, date).unwrap();
        attributes
    });
    let sha256 = Sha256::from([7; 32]);
    let signed = sign(settings(), |put| {
        put.content_length = Some(0);
        put.checksum_sha256 = Some(sha256);
        put.attributes = &ATTRIBUTES;
        put.write_once = true;
    });
    let signed = signed.await.expect("signed");
    let expected = [
        ("content-length", "0".to_owned()),
        ("content-type", "text/plain; charset=utf-8".to_owned()),
        ("expires", "Thu, 31 Dec 2026 23:59:59 GMT".to_owned()),
        ("if-none-match", "*".to_owned()),
        ("x-amz-checksum-sha256", sha256.to_string()),
        ("x-amz-meta-author", "ada".to_owned()),
    ];
    assert_eq!(
        signed.headers,
        expected.map(|(name, value)| (name.to_owned(), value)).into()
    );
    let url = signed.url.expose();
    let names: Vec<_> = query(&url)["X-Amz-SignedHeaders"]
        .split("%3B")
        .map(ToOwned::to_owned)
        .collect();
    let mut headers: Vec<_> = signed.headers.into_keys().chain(["host".to_owned()]).collect();
    headers.sort();
    assert_eq!(names, headers);
}

#[tokio::test]
async fn a_part_is_signed_with_its_number_its_upload_and_its_constraints() {
    let (draft, main): (BucketName, BucketName) = ("b-draft".parse().unwrap(), "main".parse().unwrap());
    let (bucket, _) = DraftBucket::pair(draft, main).unwrap();
    let (key, upload_id, sha256) = (
        ObjectKey::new("k").unwrap(),
        UploadId::new("2~ü/+=&"),
        Sha256::from([7; 32]),
    );
    let part = PresignPart {
        bucket: &bucket,
        key: &key,
        upload_id: &upload_id,
        number: 10_000,
        content_length: Some(5),
        checksum_sha256: Some(sha256),
        now: now(),
        expires_in: Duration::from_secs(3600),
    };
    let storage = S3Storage::connect(until(Duration::from_secs(60)))
        .await
        .expect("good settings");
    let signed = storage.presign_part(&part).await.expect("signed");
    let expected = [
        ("content-length", "5".to_owned()),
        ("x-amz-checksum-sha256", sha256.to_string()),
    ];
    assert_eq!(
        signed.headers,
        expected.map(|(name, value)| (name.to_owned(), value)).into()
    );
    assert_eq!(signed.expires_at, UNIX_EPOCH + Duration::from_secs(1_700_000_001 + 60));
    let url = signed.url.expose();
    let query = query(&url);
    assert_eq!(
        (query["partNumber"], query["uploadId"]),
        ("10000", "2~%C3%BC%2F%2B%3D%26")
    );
    assert_eq!(
        query["X-Amz-SignedHeaders"],
        "content-length%3Bhost%3Bx-amz-checksum-sha256"
    );
}

#[tokio::test]
async fn urls_are_signed_for_the_public_endpoint() {
    let public = Settings {
        public_endpoint: Some("https://files.example.com".into()),
        ..settings()
    };
    let url = sign(public.clone(), |_| ()).await.expect("signed").url.expose();
    assert!(url.starts_with("https://files.example.com/b-draft/a%20b/"), "{url}");
    let hosted = Settings {
        path_style: Some(false),
        ..public
    };
    let url = sign(hosted, |_| ()).await.expect("signed").url.expose();
    assert!(url.starts_with("https://b-draft.files.example.com/a%20b/"), "{url}");
    let aws = Settings {
        endpoint: None,
        ..settings()
    };
    let url = sign(aws, |_| ()).await.expect("signed").url.expose();
    assert!(
        url.starts_with("https://b-draft.s3.us-east-1.amazonaws.com/a%20b/"),
        "{url}"
    );
}

#[tokio::test]
async fn expiry_is_told_in_the_seconds_that_the_url_states() {
    let signed = sign(settings(), |put| put.expires_in = Duration::from_millis(90_900))
        .await
        .expect("signed");
    assert_eq!(signed.expires_at, UNIX_EPOCH + Duration::from_secs(1_700_000_001 + 90));
    let url = signed.url.expose();
    assert_eq!(
        (query(&url)["X-Amz-Date"], query(&url)["X-Amz-Expires"]),
        ("20231114T221321Z", "90")
    );
}

#[tokio::test]
async fn a_url_does_not_outlive_the_credentials_that_signed_it() {
    let signed = sign(until(Duration::from_millis(100_900)), |_| ())
        .await
        .expect("signed");
    assert_eq!(signed.expires_at, UNIX_EPOCH + Duration::from_secs(1_700_000_001 + 101));
    let url = signed.url.expose();
    assert_eq!(
        (query(&url)["X-Amz-Expires"], query(&url)["X-Amz-Security-Token"]),
        ("101", "token")
    );
}

#[tokio::test]
async fn ended_credentials_sign_nothing() {
    for left in [Duration::ZERO, Duration::from_millis(100)] {
        let refused = sign(until(left), |_| ()).await.expect_err("ended");
        assert_eq!(refused.kind, ErrorKind::CredentialsRefused, "{left:?}");
    }
}

#[tokio::test]
async fn validity_is_between_a_second_and_seven_days() {
    let week = Duration::from_secs(7 * 24 * 3600);
    assert!(sign(settings(), |put| put.expires_in = week).await.is_ok());
    for wrong in [
        Duration::ZERO,
        Duration::from_millis(999),
        week + Duration::from_secs(1),
    ] {
        let refused = sign(settings(), |put| put.expires_in = wrong)
            .await
            .expect_err("refused");
        assert_eq!(refused.kind, ErrorKind::Unexpected, "{wrong:?}");
    }
}

async fn sign_form(settings: Settings, key: &str) -> Result<PresignedRequest, Error> {
    let (draft, main): (BucketName, BucketName) = ("b-draft".parse().unwrap(), "main".parse().unwrap());
    let (bucket, _) = DraftBucket::pair(draft, main).unwrap();
    let key = ObjectKey::new(key).unwrap();
    let post = PresignPost {
        bucket: &bucket,
        key: &key,
        max_content_length: 10,
        checksum_sha256: None,
        attributes: Attributes::NONE,
        now: now(),
        expires_in: Duration::from_secs(3600),
    };
    let s3 = S3Storage::connect(settings).await.expect("good settings");
    s3.presign_post(&post).await
}

#[tokio::test]
async fn forms_go_to_the_bucket_at_the_public_endpoint() {
    let with_path = Settings {
        public_endpoint: Some("https://files.example.com/s3/".into()),
        ..settings()
    };
    let hosted = Settings {
        path_style: Some(false),
        public_endpoint: Some("https://files.example.com".into()),
        ..settings()
    };
    let aws = Settings {
        endpoint: None,
        ..settings()
    };
    for (settings, url) in [
        (settings(), "http://store:9000/b-draft/"),
        (with_path, "https://files.example.com/s3/b-draft/"),
        (hosted, "https://b-draft.files.example.com/"),
        (aws, "https://b-draft.s3.us-east-1.amazonaws.com/"),
    ] {
        let signed = sign_form(settings, "a/k").await.expect("signed");
        assert_eq!((signed.method, signed.headers), (Method::Post, BTreeMap::new()));
        assert_eq!(signed.url.expose(), url);
    }
}

#[tokio::test]
async fn a_form_does_not_outlive_the_credentials_that_signed_it() {
    let signed = sign_form(until(Duration::from_millis(100_900)), "k")
        .await
        .expect("signed");
    assert_eq!(signed.expires_at, UNIX_EPOCH + Duration::from_secs(1_700_000_001 + 101));
    assert_eq!(signed.fields.expose()["x-amz-security-token"], "token");
    let refused = sign_form(until(Duration::ZERO), "k").await.expect_err("ended");
    assert_eq!(refused.kind, ErrorKind::CredentialsRefused);
}

#[tokio::test]
async fn a_key_that_the_store_would_change_is_refused() {
    let refused = sign_form(settings(), "a/${filename}").await.expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::Unexpected);
}

#[tokio::test]
async fn a_download_prescribes_its_type_and_disposition() {
    let (bucket, key): (BucketName, ObjectKey) = ("main".parse().unwrap(), "k".parse().unwrap());
    let get = PresignGet {
        bucket: &bucket,
        key: &key,
        version: None,
        if_match: None,
        response_content_type: MediaType::OCTET_STREAM,
        response_content_disposition: "attachment; filename=\"a b.txt\"",
        now: now(),
        expires_in: Duration::from_secs(60),
    };
    let signed = S3Storage::connect(settings())
        .await
        .expect("good settings")
        .presign_get(&get)
        .await
        .expect("signed");
    assert_eq!((signed.method, signed.headers), (Method::Get, BTreeMap::new()));
    let url = signed.url.expose();
    let query = query(&url);
    assert_eq!(
        query["response-content-disposition"],
        "attachment%3B%20filename%3D%22a%20b.txt%22"
    );
    assert_eq!(query["response-content-type"], "application%2Foctet-stream");
}

async fn step(step: UploadStep<'_>, settings: Settings) -> Result<PresignedRequest, Error> {
    let (draft, main): (BucketName, BucketName) = ("b-draft".parse().unwrap(), "main".parse().unwrap());
    let (bucket, _) = DraftBucket::pair(draft, main).unwrap();
    let step = PresignStep {
        bucket: &bucket,
        key: &ObjectKey::new("a b/ü+.txt").unwrap(),
        step,
        now: now(),
        expires_in: Duration::from_secs(3600),
    };
    S3Storage::connect(settings)
        .await
        .expect("good settings")
        .presign_step(&step)
        .await
}

#[tokio::test]
async fn each_step_is_a_request_of_its_own() {
    let id = UploadId::new("a/b+c=&d");
    for (asked, method, name, value) in [
        (UploadStep::Create(Attributes::NONE), Method::Post, "uploads", ""),
        (UploadStep::ListParts(&id), Method::Get, "uploadId", "a%2Fb%2Bc%3D%26d"),
        (UploadStep::Complete(&id), Method::Post, "uploadId", "a%2Fb%2Bc%3D%26d"),
        (UploadStep::Abort(&id), Method::Delete, "uploadId", "a%2Fb%2Bc%3D%26d"),
    ] {
        let signed = step(asked, settings()).await.expect("signed");
        assert_eq!((signed.method, signed.headers), (method, BTreeMap::new()));
        let url = signed.url.expose();
        assert!(
            url.starts_with("http://store:9000/b-draft/a%20b/%C3%BC%2B.txt?"),
            "{url}"
        );
        let query = query(&url);
        assert_eq!((query[name], query["X-Amz-SignedHeaders"]), (value, "host"));
        assert_eq!(query["X-Amz-Expires"], "3600");
    }
}

#[tokio::test]
async fn a_step_does_not_outlive_the_credentials_that_signed_it() {
    let left = Duration::from_secs(100);
    let signed = step(UploadStep::Create(Attributes::NONE), until(left))
        .await
        .expect("signed");
    let url = signed.url.expose();
    assert_eq!(query(&url)["X-Amz-Security-Token"], "token");
    assert_eq!(signed.expires_at, UNIX_EPOCH + Duration::from_secs(1_700_000_001 + 100));
    let refused = step(UploadStep::Create(Attributes::NONE), until(Duration::ZERO))
        .await
        .expect_err("ended");
    assert_eq!(refused.kind, ErrorKind::CredentialsRefused);
}

/// Every kind of URL, in its form at the endpoint that is set.
async fn urls(settings: Settings) -> Vec<String> {
    let (draft, main): (BucketName, BucketName) = ("b-draft".parse().unwrap(), "main".parse().unwrap());
    let (bucket, _) = DraftBucket::pair(draft, main).unwrap();
    let key = ObjectKey::new("k").unwrap();
    let storage = S3Storage::connect(settings.clone()).await.expect("good settings");
    let (now, expires_in) = (now(), Duration::from_secs(60));
    let id = UploadId::new("id");
    let put = PresignPut {
        bucket: &bucket,
        key: &key,
        content_length: None,
        checksum_sha256: None,
        attributes: Attributes::NONE,
        write_once: false,
        now,
        expires_in,
    };
    let part = PresignPart {
        bucket: &bucket,
        key: &key,
        upload_id: &id,
        number: 1,
        content_length: None,
        checksum_sha256: None,
        now,
        expires_in,
    };
    let get = PresignGet {
        bucket: bucket.name(),
        key: &key,
        version: None,
        if_match: None,
        response_content_type: MediaType::OCTET_STREAM,
        response_content_disposition: "inline",
        now,
        expires_in,
    };
    let step = PresignStep {
        bucket: &bucket,
        key: &key,
        step: UploadStep::Create(Attributes::NONE),
        now,
        expires_in,
    };
    let signed = [
        storage.presign_put(&put).await,
        storage.presign_part(&part).await,
        storage.presign_get(&get).await,
        storage.presign_step(&step).await,
    ];
    let form = sign_form(settings, "k").await;
    let form = form.map(|form| format!("{}k", form.url.expose()));
    let urls = signed.into_iter().map(|signed| signed.expect("signed").url.expose());
    urls.chain([form.expect("signed")])
        .map(|url| url.split('?').next().expect("a URL").to_owned())
        .collect()
}

#[tokio::test]
async fn every_url_has_the_path_of_the_endpoint_and_the_host_that_clients_send() {
    for (endpoint, bucket) in [
        (
            "https://ref.example.co/storage/v1/s3",
            "https://ref.example.co/storage/v1/s3/b-draft/",
        ),
        (
            "https://ref.example.co/storage/v1/s3/",
            "https://ref.example.co/storage/v1/s3/b-draft/",
        ),
        ("http://LocalHost:9000", "http://localhost:9000/b-draft/"),
        ("https://S3.Example.com:443/", "https://s3.example.com/b-draft/"),
    ] {
        for is_public in [true, false] {
            let endpoint = Some(endpoint.to_owned());
            let settings = if is_public {
                Settings {
                    public_endpoint: endpoint,
                    ..settings()
                }
            } else {
                Settings { endpoint, ..settings() }
            };
            for url in urls(settings.clone()).await {
                assert_eq!(url.strip_prefix(bucket), Some("k"), "{url}");
            }
            let hosted = Settings {
                path_style: Some(false),
                ..settings
            };
            let hosted_bucket = bucket.replacen("://", "://b-draft.", 1).replace("/b-draft/", "/");
            for url in urls(hosted).await {
                // A host that is an IP address or one label may still have the bucket in the path.
                assert!(
                    url == format!("{hosted_bucket}k") || url == format!("{bucket}k"),
                    "{url}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_url_is_of_the_chosen_endpoints_of_aws() {
    for (use_fips, use_dual_stack, host) in [
        (None, None, "b-draft.s3.eu-west-1.amazonaws.com"),
        (Some(true), None, "b-draft.s3-fips.eu-west-1.amazonaws.com"),
        (None, Some(true), "b-draft.s3.dualstack.eu-west-1.amazonaws.com"),
        (
            Some(true),
            Some(true),
            "b-draft.s3-fips.dualstack.eu-west-1.amazonaws.com",
        ),
    ] {
        let aws = Settings {
            region: Some("eu-west-1".into()),
            endpoint: None,
            use_fips,
            use_dual_stack,
            ..settings()
        };
        for url in urls(aws).await {
            assert_eq!(url, format!("https://{host}/k"));
        }
    }
}
