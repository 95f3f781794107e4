//! That the signatures are those of the published examples, and those of the SDK.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region, RequestChecksumCalculation};
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

use super::{Base, Signer, ToSign};
use crate::Method;

/// Of each kind of request.
const CASES: u32 = 1_000;

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>, "An Example".
#[test]
fn signature_is_that_of_the_published_example() {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, None, None, "test");
    let url = Signer::new(credentials, "us-east-1").sign(&ToSign {
        method: Method::Get,
        base: &Base::new("https://examplebucket.s3.amazonaws.com/").expect("a base"),
        key: "test.txt",
        query: &[],
        headers: &BTreeMap::new(),
        // 2013-05-24T00:00:00Z
        from: 1_369_353_600,
        seconds: 86400,
    });
    assert_eq!(
        url,
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

/// Who signs, and where.
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

/// What is signed.
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
fn compare(place: &Place, case: &Case, theirs: &PresignedRequest, request: (Method, &[(&str, &str)])) {
    let (method, query) = request;
    let (path, _) = parts(theirs.uri());
    let encoded = {
        let mut encoded = String::new();
        super::encoding::push_path(&mut encoded, &case.key);
        encoded
    };
    let base = path
        .strip_suffix(&encoded)
        .unwrap_or_else(|| panic!("{path} does not end with {encoded}"));
    let headers: BTreeMap<String, String> = theirs
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let ours = Signer::new(place.credentials(), &place.region).sign(&ToSign {
        method,
        base: &Base::new(base).expect("a base"),
        key: &case.key,
        query,
        headers: &headers,
        from: case.from,
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
        compare(&place, &case, &theirs, (Method::Put, &[("x-id", "PutObject")]));
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
        compare(&place, &case, &theirs, (Method::Put, &query));
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
        compare(&place, &case, &theirs, (Method::Get, &query));
    });
}

#[test]
fn a_signer_goes_with_the_time() {
    let credentials = Credentials::new("AKID", "hush", None, None, "test");
    let (kept, base) = (
        Signer::new(credentials.clone(), "us-east-1"),
        Base::new("http://store/b/").expect("a base"),
    );
    let headers = BTreeMap::new();
    for from in [86_399, 86_400, 86_400, 86_401, 172_800, 0] {
        let request = ToSign {
            method: Method::Put,
            base: &base,
            key: "k",
            query: &[],
            headers: &headers,
            from,
            seconds: 60,
        };
        let anew = Signer::new(credentials.clone(), "us-east-1");
        assert_eq!(kept.sign(&request), anew.sign(&request), "at {from}");
    }
}
