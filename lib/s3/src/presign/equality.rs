//! The signatures are those of the SDK.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region, RequestChecksumCalculation};
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use draftstore_sigv4::{BucketUrl, Credentials as SigningCredentials, Signer, Timestamp, UrlRequest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

/// Random requests of each kind.
const CASES: u32 = 1_000;

/// The signer, and the place of the object.
#[derive(Debug, Clone)]
struct Place {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    region: String,
    endpoint: Option<&'static str>,
    path_style: bool,
    bucket: String,
}

/// The request to sign.
#[derive(Debug, Clone)]
struct Case {
    key: String,
    from: u64,
    seconds: u64,
    content_length: Option<i64>,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
    checksum: Option<String>,
    write_once: bool,
    upload_id: String,
    number: u16,
    disposition: Option<String>,
}

prop_compose! {
    fn place()(
        access_key_id in "[A-Z0-9]{16,20}",
        secret_access_key in "[A-Za-z0-9/+=]{20,44}",
        session_token in proptest::option::of("[A-Za-z0-9/+=]{1,300}"),
        region in "[a-z]{2}-[a-z]{4,9}-[1-9]|us-east-1|garage|auto",
        endpoint in proptest::option::of(prop_oneof![
            Just("http://127.0.0.1:9000"), Just("http://store:9000"), Just("https://files.example.com"),
            Just("https://files.example.com/base/path"), Just("http://[::1]:3900"), Just("http://store"),
        ]),
        path_style in any::<bool>(),
        bucket in "[a-z0-9][a-z0-9-]{1,40}[a-z0-9]",
    ) -> Place {
        Place { access_key_id, secret_access_key, session_token, region, endpoint, path_style, bucket }
    }
}

prop_compose! {
    fn case()(
        key in "[!-.0-~][ -~\\PC]{0,60}",
        (from, seconds) in (1_000_000_000_u64..4_000_000_000, 1_u64..=604_800),
        content_length in proptest::option::of(0_i64..=5_368_709_120),
        content_type in proptest::option::of("[a-z]{2,10}/[a-z.+-]{2,20}(; {1,3}[a-z]{3,9}=[a-z0-9-]{1,9})?"),
        metadata in proptest::collection::btree_map("[a-z][a-z0-9._-]{0,12}", "[!-~]([ -~]{0,20}[!-~])?", 0..4),
        checksum in proptest::option::of("[A-Za-z0-9+/]{43}="),
        write_once in any::<bool>(),
        upload_id in "[ -~]{1,80}",
        number in 1_u16..=10_000,
        disposition in proptest::option::of("(attachment|inline); filename=\"[ -~]{0,20}\"; filename\\*=UTF-8''[%A-F0-9]{0,9}"),
    ) -> Case {
        Case {
            key, from, seconds, content_length, content_type, metadata, checksum, write_once, upload_id, number, disposition,
        }
    }
}

impl Place {
    fn credentials(&self) -> Credentials {
        Credentials::new(
            &self.access_key_id,
            &self.secret_access_key,
            self.session_token.clone(),
            None,
            "test",
        )
    }

    fn client(&self) -> Client {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .force_path_style(self.path_style)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .credentials_provider(self.credentials());
        config.set_endpoint_url(self.endpoint.map(ToOwned::to_owned));
        Client::from_conf(config.build())
    }
}

impl Case {
    fn config(&self) -> PresigningConfig {
        PresigningConfig::builder()
            .start_time(UNIX_EPOCH + Duration::from_secs(self.from))
            .expires_in(Duration::from_secs(self.seconds))
            .build()
            .expect("within a week")
    }
}

/// The pairs of a query, but for their order.
fn parts(url: &str) -> (&str, BTreeMap<&str, &str>) {
    let (path, query) = url.split_once('?').expect("a query");
    (
        path,
        query
            .split('&')
            .map(|pair| pair.split_once('=').expect("a value"))
            .collect(),
    )
}

/// Signs as the SDK did, its mark `x-id` included, and compares.
fn compare(place: &Place, case: &Case, theirs: &PresignedRequest, request: (&str, &[(&str, &str)])) {
    const KEPT: AsciiSet = NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'/');
    let (method, query) = request;
    let (path, _) = parts(theirs.uri());
    let encoded = utf8_percent_encode(&case.key, &KEPT).to_string();
    let bucket = path
        .strip_suffix(&encoded)
        .unwrap_or_else(|| panic!("{path} does not end with {encoded}"));
    let headers: BTreeMap<String, String> = theirs
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let credentials = SigningCredentials {
        access_key_id: place.access_key_id.clone(),
        secret_access_key: place.secret_access_key.clone(),
        session_token: place.session_token.clone(),
    };
    let from = Timestamp::from_unix_seconds(case.from).expect("a time");
    let ours = Signer::new(credentials, &place.region, from).sign_url(&UrlRequest {
        method,
        bucket: &BucketUrl::new(bucket).expect("a bucket"),
        key: &case.key,
        query,
        headers: &headers,
        seconds: case.seconds,
    });
    assert_eq!(parts(&ours), parts(theirs.uri()));
}

/// Runs a comparison over random cases.
fn check<F: Future<Output = ()>>(compare: impl Fn(Place, Case) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let mut runner = TestRunner::new(Cases::with_cases(CASES));
    let ran = runner.run(&(place(), case()), |(place, case)| {
        runtime.block_on(compare(place, case));
        Ok(())
    });
    ran.expect("every case holds");
}

#[test]
fn uploads_are_signed_as_the_sdk_signs_them() {
    check(async |place, case| {
        let put = place.client().put_object().bucket(&place.bucket).key(&case.key);
        let put = put
            .set_content_length(case.content_length)
            .set_content_type(case.content_type.clone())
            .set_checksum_sha256(case.checksum.clone())
            .set_metadata((!case.metadata.is_empty()).then(|| case.metadata.clone().into_iter().collect()))
            .set_if_none_match(case.write_once.then(|| "*".to_owned()));
        let theirs = put.presigned(case.config()).await.expect("signed");
        compare(&place, &case, &theirs, ("PUT", &[("x-id", "PutObject")]));
    });
}

#[test]
fn parts_are_signed_as_the_sdk_signs_them() {
    check(async |place, case| {
        let part = place.client().upload_part().bucket(&place.bucket).key(&case.key);
        let part = part
            .upload_id(&case.upload_id)
            .part_number(case.number.into())
            .set_content_length(case.content_length)
            .set_checksum_sha256(case.checksum.clone());
        let theirs = part.presigned(case.config()).await.expect("signed");
        let number = case.number.to_string();
        let query = [
            ("partNumber", number.as_str()),
            ("uploadId", &case.upload_id),
            ("x-id", "UploadPart"),
        ];
        compare(&place, &case, &theirs, ("PUT", &query));
    });
}

#[test]
fn downloads_are_signed_as_the_sdk_signs_them() {
    check(async |place, case| {
        let get = place.client().get_object().bucket(&place.bucket).key(&case.key);
        let get = get.set_response_content_disposition(case.disposition.clone());
        let theirs = get.presigned(case.config()).await.expect("signed");
        let mut query = vec![("x-id", "GetObject")];
        if let Some(disposition) = &case.disposition {
            query.insert(0, ("response-content-disposition", disposition));
        }
        compare(&place, &case, &theirs, ("GET", &query));
    });
}
