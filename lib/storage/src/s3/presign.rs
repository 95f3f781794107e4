//! Presigning: a URL, the headers to send with it, and when it truly ends.
//!
//! Uploads in one piece, in parts and by a form, and downloads, are all that is ever signed, and all but downloads only into
//! the draft bucket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::Builder;

use super::bases::Bases;
use super::error::Call;
use super::post_policy::Policy;
use super::signers::Signers;
use super::sigv4::{Base, Signer, ToSign};
use crate::{
    BucketName, Error, Method, ObjectKey, Operation, PresignGet, PresignPart, PresignPost, PresignPut, PresignStep,
    PresignedRequest, SecretFields, SecretUrl, Sha256, UploadStep,
};

/// The longest that a URL can be valid: seven days.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
const MAX_URL_SECONDS: u64 = 7 * 24 * 60 * 60;

/// What stores replace by the name of the form's file, wherever it is in the key.
const FILE_NAME_VARIABLE: &str = "${filename}";

/// Signs what clients send to the store by themselves.
#[derive(Debug)]
pub(super) struct Presigner {
    pub(super) signers: Signers,
    bases: Bases,
}

/// A request on one object, whatever it is.
#[derive(Debug)]
struct Asked<'a> {
    method: Method,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    query: &'a [(&'a str, &'a str)],
    headers: BTreeMap<String, String>,
    now: SystemTime,
    expires_in: Duration,
}

impl Presigner {
    /// `config` is a client's at the endpoint that URLs lead to, without credentials.
    pub(super) fn new(signers: Signers, config: Builder) -> Self {
        Self {
            signers,
            bases: Bases::new(config),
        }
    }

    /// Signs an upload.
    pub(super) async fn put(&self, put: &PresignPut<'_>) -> Result<PresignedRequest, Error> {
        let mut headers = constraints(put.content_length, put.checksum_sha256);
        let mut add = |name: &str, value: &str| headers.insert(name.to_owned(), value.to_owned());
        if let Some(content_type) = put.content_type {
            add("content-type", content_type);
        }
        if put.write_once {
            add("if-none-match", "*");
        }
        for (name, value) in put.metadata {
            add(&format!("x-amz-meta-{name}"), value);
        }
        let asked = Asked {
            method: Method::Put,
            bucket: put.bucket.name(),
            key: put.key,
            query: &[],
            headers,
            now: put.now,
            expires_in: put.expires_in,
        };
        self.sign(asked).await
    }

    /// Signs the upload of a part.
    pub(super) async fn part(&self, part: &PresignPart<'_>) -> Result<PresignedRequest, Error> {
        let number = part.number.to_string();
        let asked = Asked {
            method: Method::Put,
            bucket: part.bucket.name(),
            key: part.key,
            query: &[("partNumber", &number), ("uploadId", part.upload_id.as_str())],
            headers: constraints(part.content_length, part.checksum_sha256),
            now: part.now,
            expires_in: part.expires_in,
        };
        self.sign(asked).await
    }

    /// Signs a step. Nothing but the host is signed with it.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>
    pub(super) async fn step(&self, step: &PresignStep<'_>) -> Result<PresignedRequest, Error> {
        let (method, query) = match step.step {
            UploadStep::Create => (Method::Post, ("uploads", "")),
            UploadStep::ListParts(id) => (Method::Get, ("uploadId", id.as_str())),
            UploadStep::Complete(id) => (Method::Post, ("uploadId", id.as_str())),
            UploadStep::Abort(id) => (Method::Delete, ("uploadId", id.as_str())),
        };
        let asked = Asked {
            method,
            bucket: step.bucket.name(),
            key: step.key,
            query: &[query],
            headers: BTreeMap::new(),
            now: step.now,
            expires_in: step.expires_in,
        };
        self.sign(asked).await
    }

    /// Signs a download.
    pub(super) async fn get(&self, get: &PresignGet<'_>) -> Result<PresignedRequest, Error> {
        let disposition = get.response_content_disposition;
        let query = disposition.map(|disposition| ("response-content-disposition", disposition));
        let asked = Asked {
            method: Method::Get,
            bucket: get.bucket,
            key: get.key,
            query: query.as_slice(),
            headers: BTreeMap::new(),
            now: get.now,
            expires_in: get.expires_in,
        };
        self.sign(asked).await
    }

    /// Signs an upload by a form.
    pub(super) async fn post(&self, post: &PresignPost<'_>) -> Result<PresignedRequest, Error> {
        let call = Call::on_key(Operation::Presign, post.bucket.name(), post.key);
        if post.key.as_str().contains(FILE_NAME_VARIABLE) {
            return Err(call.unexpected("the store would replace ${filename} in the key of a form"));
        }
        let (signer, base) = self.ask(call, post.bucket.name(), post.now).await?;
        let validity = validity(call, &signer, post.now, post.expires_in)?;
        let policy = Policy {
            bucket: post.bucket.name().as_str(),
            fields: form_fields(post),
            max_content_length: post.max_content_length,
            from: validity.from,
            until: validity.until(),
        };
        Ok(PresignedRequest {
            method: Method::Post,
            url: SecretUrl::new(base.url()),
            headers: BTreeMap::new(),
            fields: SecretFields::new(policy.signed(&signer)),
            expires_at: validity.until(),
        })
    }

    async fn sign(&self, asked: Asked<'_>) -> Result<PresignedRequest, Error> {
        let call = Call::on_key(Operation::Presign, asked.bucket, asked.key);
        let at_hand = self.signers.at_hand(asked.now, |signer| {
            self.bases
                .at_hand(asked.bucket, |base| asked.signed(call, signer, base))
        });
        let (url, expires_at) = if let Some(signed) = at_hand.flatten() {
            signed?
        } else {
            // Boxed: every signature would have room for what few need.
            let (signer, base) = Box::pin(self.ask(call, asked.bucket, asked.now)).await?;
            asked.signed(call, &signer, &base)?
        };
        Ok(PresignedRequest {
            method: asked.method,
            url: SecretUrl::new(url),
            headers: asked.headers,
            fields: SecretFields::default(),
            expires_at,
        })
    }

    /// Who signs, and where to. Whatever is not known yet is asked for.
    async fn ask(
        &self,
        call: Call<'_>,
        bucket: &BucketName,
        now: SystemTime,
    ) -> Result<(Arc<Signer>, Arc<Base>), Error> {
        let signer = self.signers.signer(now).await;
        let signer = signer.map_err(|error| call.without_credentials(&error))?;
        Ok((signer, self.bases.base(call, bucket).await?))
    }
}

impl Asked<'_> {
    /// The URL, and when it ends.
    fn signed(&self, call: Call<'_>, signer: &Signer, base: &Base) -> Result<(String, SystemTime), Error> {
        let validity = validity(call, signer, self.now, self.expires_in)?;
        let url = signer.sign(&ToSign {
            method: self.method,
            base,
            key: self.key.as_str(),
            query: self.query,
            headers: &self.headers,
            from: validity.from,
            seconds: validity.seconds,
        });
        Ok((url, validity.until()))
    }
}

/// The headers of what is known of the bytes.
fn constraints(content_length: Option<u64>, checksum_sha256: Option<Sha256>) -> BTreeMap<String, String> {
    let length = content_length.map(|bytes| ("content-length".to_owned(), bytes.to_string()));
    let checksum = checksum_sha256.map(|checksum| ("x-amz-checksum-sha256".to_owned(), checksum.to_string()));
    length.into_iter().chain(checksum).collect()
}

/// What the form says of the object, before it is signed.
fn form_fields(post: &PresignPost<'_>) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::from([
        ("key".to_owned(), post.key.to_string()),
        // With a body that names the object, for clients that cannot see headers.
        ("success_action_status".to_owned(), "201".to_owned()),
    ]);
    if let Some(content_type) = post.content_type {
        fields.insert("Content-Type".to_owned(), content_type.to_owned());
    }
    if let Some(checksum) = post.checksum_sha256 {
        // Without its name, Garage does not look at the checksum.
        fields.insert("x-amz-checksum-algorithm".to_owned(), "SHA256".to_owned());
        fields.insert("x-amz-checksum-sha256".to_owned(), checksum.to_string());
    }
    for (name, value) in post.metadata {
        fields.insert(format!("x-amz-meta-{name}"), value.clone());
    }
    fields
}

/// From when, and for how long, both in whole seconds as the URL states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Validity {
    /// Since 1970.
    from: u64,
    seconds: u64,
}

impl Validity {
    fn until(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.from + self.seconds)
    }
}

fn validity(call: Call<'_>, signer: &Signer, now: SystemTime, expires_in: Duration) -> Result<Validity, Error> {
    let since_epoch = |time: SystemTime| time.duration_since(UNIX_EPOCH).map(|since| since.as_secs());
    let from = since_epoch(now).map_err(|_| call.unexpected("the time is before 1970"))?;
    if !(1..=MAX_URL_SECONDS).contains(&expires_in.as_secs()) {
        return Err(call.unexpected("a presigned URL is valid for a second to seven days"));
    }
    let credentials_end = signer
        .credentials()
        .expiry()
        .map(|end| since_epoch(end).unwrap_or_default());
    let left = credentials_end.map_or(u64::MAX, |end| end.saturating_sub(from));
    if left == 0 {
        let ended = CredentialsError::not_loaded("the credentials end within this second");
        return Err(call.without_credentials(&ended));
    }
    Ok(Validity {
        from,
        seconds: expires_in.as_secs().min(left),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::{S3Storage, Settings, StaticCredentials};
    use super::*;
    use crate::{DraftBucket, ErrorKind, Storage as _, UploadId};

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
        let (key, metadata) = (ObjectKey::new("a b/ü+.txt").unwrap(), BTreeMap::new());
        let mut put = PresignPut {
            bucket: &bucket,
            key: &key,
            content_length: None,
            content_type: None,
            checksum_sha256: None,
            metadata: &metadata,
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
        static METADATA: LazyLock<BTreeMap<String, String>> =
            LazyLock::new(|| BTreeMap::from([("author".to_owned(), "ada".to_owned())]));
        let sha256 = Sha256::from([7; 32]);
        let signed = sign(settings(), |put| {
            put.content_length = Some(0);
            put.content_type = Some("text/plain; charset=utf-8");
            put.checksum_sha256 = Some(sha256);
            put.metadata = &METADATA;
            put.write_once = true;
        });
        let signed = signed.await.expect("signed");
        let expected = [
            ("content-length", "0".to_owned()),
            ("content-type", "text/plain; charset=utf-8".to_owned()),
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
        let (key, metadata) = (ObjectKey::new(key).unwrap(), BTreeMap::new());
        let post = PresignPost {
            bucket: &bucket,
            key: &key,
            max_content_length: 10,
            content_type: None,
            checksum_sha256: None,
            metadata: &metadata,
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
    async fn a_download_can_prescribe_its_content_disposition() {
        let (bucket, key): (BucketName, ObjectKey) = ("main".parse().unwrap(), "k".parse().unwrap());
        let get = PresignGet {
            bucket: &bucket,
            key: &key,
            response_content_disposition: Some("attachment; filename=\"a b.txt\""),
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
        let disposition = query(&url)["response-content-disposition"];
        assert_eq!(disposition, "attachment%3B%20filename%3D%22a%20b.txt%22");
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
            (UploadStep::Create, Method::Post, "uploads", ""),
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
        let signed = step(UploadStep::Create, until(left)).await.expect("signed");
        let url = signed.url.expose();
        assert_eq!(query(&url)["X-Amz-Security-Token"], "token");
        assert_eq!(signed.expires_at, UNIX_EPOCH + Duration::from_secs(1_700_000_001 + 100));
        let refused = step(UploadStep::Create, until(Duration::ZERO))
            .await
            .expect_err("ended");
        assert_eq!(refused.kind, ErrorKind::CredentialsRefused);
    }
}
