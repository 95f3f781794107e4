//! A running store with a draft and a main bucket, and clients for it.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, CompletedMultipartUpload, CompletedPart, ExpirationStatus,
    LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration, ObjectLockConfiguration, ObjectLockEnabled, Tag,
    Tagging, VersioningConfiguration,
};
use draftstore_s3::{S3Storage, Settings, StaticCredentials};
use draftstore_storage::{
    Administration as _, Attributes, BucketName, CopyToMain, DraftBucket, DraftVersion, ETag, Error, IfDestination,
    ListObjects, ListUploads, MainBucket, MediaType, Method, ObjectHeader, ObjectKey, Objects as _, PresignGet,
    PresignPost, PresignPut, PresignedRequest, StageCopy, StagedCopy, Storage,
};
use reqwest::Response;

use crate::{Embedded, Garage, SeaweedFs, StoreEndpoint, form, http_client};

/// A store with an empty draft bucket and an empty main bucket. The store stops on drop.
///
/// Its methods panic with the reason if the store rejects a request.
#[derive(Debug)]
pub struct TestBuckets {
    /// The storage client under test.
    pub storage: Arc<dyn Storage>,
    /// The address and credentials of the store.
    pub endpoint: StoreEndpoint,
    /// The draft bucket: `files-draft`, or a unique name in a store that others use.
    pub draft: DraftBucket,
    /// The main bucket: `files`, or a unique name in a store that others use.
    pub main: MainBucket,
    /// A plain HTTP client for presigned URLs.
    pub http: reqwest::Client,
    sdk: OnceLock<aws_sdk_s3::Client>,
    store: StoreGuard,
}

/// The running store of any kind.
#[derive(Clone)]
struct StoreGuard(#[expect(dead_code, reason = "held until the last is dropped")] Arc<dyn Any + Send + Sync>);

impl std::fmt::Debug for StoreGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreGuard")
    }
}

#[expect(clippy::missing_panics_doc, reason = "documented on the type")]
impl TestBuckets {
    /// Starts an embedded store.
    pub async fn embedded() -> Self {
        let store = Embedded::start().await;
        Self::new(store.endpoint(), StoreGuard(Arc::new(store)), "files").await
    }

    /// Starts a Garage server.
    pub async fn garage() -> Self {
        let store = Garage::start().await;
        Self::new(store.endpoint().clone(), StoreGuard(Arc::new(store)), "files").await
    }

    /// Creates buckets in a running SeaweedFS, which other tests of this process share.
    pub async fn seaweedfs() -> Self {
        let store = SeaweedFs::shared().await;
        let endpoint = store.endpoint().clone();
        Self::new(endpoint, StoreGuard(store), &unused_name()).await
    }

    /// Creates two more empty buckets in the same store, which stops when the last value is dropped.
    pub async fn beside(&self) -> Self {
        Self::new(self.endpoint.clone(), self.store.clone(), &unused_name()).await
    }

    async fn new(endpoint: StoreEndpoint, store: StoreGuard, name: &str) -> Self {
        let storage = Arc::new(connect(settings(&endpoint)).await);
        let (draft, main) =
            DraftBucket::pair(bucket(&format!("{name}-draft")), bucket(name)).expect("the names differ");
        for bucket in [draft.name(), main.name()] {
            storage.create_bucket(bucket).await.expect("a bucket can be created");
        }
        Self {
            storage,
            endpoint,
            draft,
            main,
            http: http_client(),
            sdk: OnceLock::new(),
            store,
        }
    }

    /// Enables versioning of main.
    pub async fn keep_versions(&self) {
        keep_versions(&self.endpoint, self.main.name()).await;
    }

    /// Returns a client of the SDK, for calls that [`Storage`] does not have.
    pub fn sdk(&self) -> aws_sdk_s3::Client {
        self.sdk.get_or_init(|| sdk(&self.endpoint)).clone()
    }

    /// Replaces the tags of a draft by one, as a scanner does.
    ///
    /// # Panics
    /// If the store refuses it.
    pub async fn tag_draft(&self, key: &ObjectKey, tag: &str, value: &str) {
        let tag = Tag::builder().key(tag).value(value).build().expect("a tag");
        let tags = Tagging::builder().tag_set(tag).build().expect("tags");
        let put = self.sdk().put_object_tagging().bucket(self.draft.name().as_str());
        put.key(key.as_str()).tagging(tags).send().await.expect("tagged");
    }

    /// Returns the same request for main instead of the draft bucket, with a signature that does not fit.
    pub fn for_main(&self, signed: &SignedRequest) -> SignedRequest {
        let [draft, main] = [self.draft.name(), self.main.name()].map(|name| format!("/{name}/"));
        SignedRequest {
            url: signed.url.replacen(&draft, &main, 1),
            ..signed.clone()
        }
    }

    /// Returns the header that copies this draft.
    pub fn copy_source(&self, key: &ObjectKey) -> (String, String) {
        let source = format!("/{}/{key}", self.draft.name());
        ("x-amz-copy-source".to_owned(), source)
    }

    /// Returns an upload to this key without constraints, valid for an hour.
    pub fn put<'a>(&'a self, key: &'a ObjectKey) -> PresignPut<'a> {
        PresignPut {
            bucket: &self.draft,
            key,
            content_length: None,
            checksum_sha256: None,
            attributes: Attributes::NONE,
            write_once: false,
            now: SystemTime::now(),
            expires_in: Duration::from_secs(3600),
        }
    }

    /// Presigns an upload by PUT.
    pub async fn sign_put(&self, put: &PresignPut<'_>) -> SignedRequest {
        self.storage
            .presign_put(put)
            .await
            .expect("an upload can be signed")
            .into()
    }

    /// Returns a form upload to this key of up to `max_content_length` bytes, valid for an hour.
    pub fn post<'a>(&'a self, key: &'a ObjectKey, max_content_length: u64) -> PresignPost<'a> {
        PresignPost {
            bucket: &self.draft,
            key,
            max_content_length,
            checksum_sha256: None,
            attributes: Attributes::NONE,
            now: SystemTime::now(),
            expires_in: Duration::from_secs(3600),
        }
    }

    /// Presigns an upload by form.
    pub async fn sign_post(&self, post: &PresignPost<'_>) -> SignedRequest {
        self.storage
            .presign_post(post)
            .await
            .expect("a form can be signed")
            .into()
    }

    /// Sends a form with this file, like a plain HTTP client.
    pub async fn send_form(&self, signed: &SignedRequest, file: &[u8]) -> Response {
        let (content_type, body) = form(&signed.fields, file);
        let request = self.http.post(&signed.url).header("content-type", content_type);
        request.body(body).send().await.expect("the store responds")
    }

    /// Presigns a download by GET.
    pub async fn sign_get(&self, get: &PresignGet<'_>) -> SignedRequest {
        self.storage
            .presign_get(get)
            .await
            .expect("a download can be signed")
            .into()
    }

    /// Sends a presigned request, like a plain HTTP client.
    pub async fn send(&self, signed: &SignedRequest, body: impl Into<reqwest::Body>) -> Response {
        let mut request = self.http.request(signed.method.clone(), &signed.url);
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        let request = if signed.method == reqwest::Method::PUT {
            request.body(body)
        } else {
            request
        };
        request.send().await.expect("the store responds")
    }

    /// Uploads a draft by a presigned URL and returns its ETag.
    pub async fn upload(&self, key: &ObjectKey, body: impl Into<reqwest::Body>) -> ETag {
        let response = self.send(&self.sign_put(&self.put(key)).await, body).await;
        assert_eq!(response.status(), 200, "upload of {key}");
        let etag = response.headers()["etag"].to_str().expect("an ETag is ASCII");
        etag.parse().expect("a strong ETag")
    }

    /// Downloads a draft by a presigned URL; `None` if there is no such object.
    pub async fn draft_bytes(&self, key: &ObjectKey) -> Option<Vec<u8>> {
        self.bytes(self.draft.name(), key).await
    }

    /// Downloads an object of main by a presigned URL; `None` if there is no such object.
    pub async fn main_bytes(&self, key: &ObjectKey) -> Option<Vec<u8>> {
        self.bytes(self.main.name(), key).await
    }

    async fn bytes(&self, bucket: &BucketName, key: &ObjectKey) -> Option<Vec<u8>> {
        let response = self.send(&self.sign_get(&get(bucket, key)).await, "").await;
        if response.status() == 404 {
            return None;
        }
        assert_eq!(response.status(), 200, "download of {key}");
        Some(response.bytes().await.expect("the whole object").to_vec())
    }

    /// Returns the keys of the drafts, at most one page.
    pub async fn draft_keys(&self) -> Vec<String> {
        let page = self.storage.list(self.draft.name(), &ListObjects::default()).await;
        let objects = page.expect("the bucket can be listed").objects;
        objects.iter().map(|object| object.key.to_string()).collect()
    }

    /// Creates a multipart upload of a draft and leaves it unfinished.
    pub async fn begin_upload(&self, name: &str) {
        self.begin_upload_in(self.draft.name(), name).await;
    }

    /// Creates a multipart upload in this bucket and leaves it unfinished.
    pub async fn begin_upload_in(&self, bucket: &BucketName, name: &str) {
        let create = self.sdk().create_multipart_upload().bucket(bucket.as_str()).key(name);
        create.send().await.expect("an upload can be created");
    }

    /// Uploads a draft as a multipart object of one part.
    pub async fn draft_in_parts(&self, name: &str, bytes: &[u8]) {
        let (sdk, bucket) = (self.sdk(), self.draft.name().as_str());
        let created = sdk.create_multipart_upload().bucket(bucket).key(name).send().await;
        let created = created.expect("an upload can be created");
        let upload_id = created.upload_id().expect("an upload has an ID");
        let part = sdk
            .upload_part()
            .bucket(bucket)
            .key(name)
            .upload_id(upload_id)
            .part_number(1);
        let part = part
            .body(bytes.to_vec().into())
            .send()
            .await
            .expect("a part can be uploaded");
        let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
        let parts = CompletedMultipartUpload::builder().parts(part).build();
        let complete = sdk
            .complete_multipart_upload()
            .bucket(bucket)
            .key(name)
            .upload_id(upload_id);
        let completed = complete.multipart_upload(parts).send().await;
        completed.expect("an upload can be completed");
    }

    /// Returns the number of multipart uploads in progress in the draft bucket, at most one page.
    pub async fn uploads(&self) -> usize {
        self.uploads_in(self.draft.name()).await
    }

    /// Returns the number of multipart uploads in progress in the main bucket, at most one page.
    pub async fn main_uploads(&self) -> usize {
        self.uploads_in(self.main.name()).await
    }

    async fn uploads_in(&self, bucket: &BucketName) -> usize {
        let page = self.storage.list_uploads(bucket, &ListUploads::default()).await;
        page.expect("uploads can be listed").uploads.len()
    }

    /// Copies a draft to a key in main without attributes.
    ///
    /// # Errors
    /// Returns the errors of [`Storage`].
    pub async fn copy(
        &self,
        draft: &DraftVersion,
        main_key: &ObjectKey,
        if_destination: IfDestination<'_>,
    ) -> Result<ETag, Error> {
        let copy = CopyToMain {
            draft_bucket: &self.draft,
            draft_key: &draft.key,
            draft_etag: &draft.etag,
            main_bucket: &self.main,
            main_key,
            if_destination,
            attributes: Attributes::NONE,
        };
        self.storage.copy_to_main(&copy).await
    }

    /// Stages a copy of a draft of `size` bytes to a key in main, in parts of 5 MiB and without attributes.
    ///
    /// # Errors
    /// Returns the errors of [`Storage`].
    pub async fn stage(&self, draft: &DraftVersion, size: u64, main_key: &ObjectKey) -> Result<StagedCopy, Error> {
        self.stage_with(draft, size, main_key, Attributes::NONE).await
    }

    /// Stages a copy like [`Self::stage`], with attributes.
    ///
    /// # Errors
    /// Returns the errors of [`Storage`].
    pub async fn stage_with(
        &self,
        draft: &DraftVersion,
        size: u64,
        main_key: &ObjectKey,
        attributes: &Attributes,
    ) -> Result<StagedCopy, Error> {
        let in_small_parts = Settings {
            part_size: 5 * 1024 * 1024,
            ..settings(&self.endpoint)
        };
        let copy = StageCopy {
            draft_bucket: &self.draft,
            draft_key: &draft.key,
            draft_etag: &draft.etag,
            size,
            main_bucket: &self.main,
            main_key,
            attributes,
        };
        connect(in_small_parts).await.stage_copy(&copy).await
    }

    /// Completes a staged copy to a key in main.
    ///
    /// # Errors
    /// Returns the errors of [`Storage`].
    pub async fn complete(
        &self,
        main_key: &ObjectKey,
        staged: &StagedCopy,
        if_destination: IfDestination<'_>,
    ) -> Result<ETag, Error> {
        let complete = self.storage.complete_copy(&self.main, main_key, staged, if_destination);
        complete.await
    }

    /// Uploads a draft and returns its key and ETag.
    pub async fn draft(&self, name: &str, body: impl Into<reqwest::Body>) -> DraftVersion {
        let key = key(name);
        DraftVersion {
            etag: self.upload(&key, body).await,
            key,
        }
    }
}

/// Returns attributes of an upload or a copy.
///
/// # Panics
/// Panics if a value is invalid.
pub fn attributes<const H: usize, const M: usize>(
    content_type: Option<&str>,
    headers: [(ObjectHeader, &str); H],
    metadata: [(&str, &str); M],
) -> Attributes {
    let mut attributes = Attributes {
        content_type: content_type.map(|text| text.parse().expect("a media type")),
        metadata: metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Attributes::default()
    };
    for (header, value) in headers {
        attributes.headers.set(header, value).expect("a valid header");
    }
    attributes
}

/// Returns a download of this key, valid for an hour.
pub fn get<'a>(bucket: &'a BucketName, key: &'a ObjectKey) -> PresignGet<'a> {
    PresignGet {
        bucket,
        key,
        version: None,
        if_match: None,
        response_content_type: MediaType::OCTET_STREAM,
        response_content_disposition: "attachment",
        now: SystemTime::now(),
        expires_in: Duration::from_secs(3600),
    }
}

/// A presigned request with its secrets exposed.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    /// The HTTP method of the request.
    pub method: reqwest::Method,
    /// The URL with its signature.
    pub url: String,
    /// The signed headers, which must be sent.
    pub headers: BTreeMap<String, String>,
    /// The fields of a form upload.
    pub fields: BTreeMap<String, String>,
    /// The time when the signature expires.
    pub expires_at: SystemTime,
}

impl From<PresignedRequest> for SignedRequest {
    fn from(request: PresignedRequest) -> Self {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Put => reqwest::Method::PUT,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        Self {
            method,
            url: request.url.expose(),
            headers: request.headers,
            fields: request.fields.expose(),
            expires_at: request.expires_at,
        }
    }
}

/// Returns a client of the SDK for this store.
pub fn sdk(endpoint: &StoreEndpoint) -> aws_sdk_s3::Client {
    let StoreEndpoint {
        url,
        region,
        access_key_id,
        secret_access_key,
    } = endpoint.clone();
    let credentials = aws_sdk_s3::config::Credentials::new(access_key_id, secret_access_key, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_s3::config::Region::new(region))
        .endpoint_url(url)
        .force_path_style(true)
        .credentials_provider(credentials);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// Enables versioning of a bucket.
///
/// # Panics
/// Panics if the store has no versioning.
pub async fn keep_versions(endpoint: &StoreEndpoint, bucket: &BucketName) {
    let enabled = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let put = sdk(endpoint)
        .put_bucket_versioning()
        .bucket(bucket.as_str())
        .versioning_configuration(enabled);
    put.send().await.expect("the store has versioning");
}

/// Makes the store remove versions below a prefix some days after they were replaced or deleted.
///
/// # Panics
/// Panics if the store has no lifecycle rules.
pub async fn expire_versions(endpoint: &StoreEndpoint, bucket: &BucketName, prefix: &str, days: i32) {
    let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(days).build();
    let rule = LifecycleRule::builder()
        .id("versions")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
        .noncurrent_version_expiration(expiration)
        .build();
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule.expect("a status is there"))
        .build();
    let put = sdk(endpoint)
        .put_bucket_lifecycle_configuration()
        .bucket(bucket.as_str())
        .lifecycle_configuration(rules.expect("rules are there"));
    put.send().await.expect("the store has lifecycle rules");
}

/// Enables object lock of a bucket that has versioning.
///
/// # Panics
/// Panics if the store has no object lock.
pub async fn lock_objects(endpoint: &StoreEndpoint, bucket: &BucketName) {
    let enabled = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .build();
    let put = sdk(endpoint)
        .put_object_lock_configuration()
        .bucket(bucket.as_str())
        .object_lock_configuration(enabled);
    put.send().await.expect("the store has object lock");
}

/// Returns the settings of a storage client for this store.
pub fn settings(endpoint: &StoreEndpoint) -> Settings {
    Settings {
        endpoint: Some(endpoint.url.clone()),
        credentials: Some(StaticCredentials::new(
            &endpoint.access_key_id,
            &endpoint.secret_access_key,
        )),
        ..Settings::new(&endpoint.region)
    }
}

/// Returns a name for buckets that no other test of this process has.
fn unused_name() -> String {
    static CREATED: AtomicUsize = AtomicUsize::new(1);
    format!("files-{}", CREATED.fetch_add(1, Ordering::Relaxed))
}

/// Creates a storage client with these settings.
///
/// # Panics
/// Panics if the settings are invalid.
pub async fn connect(settings: Settings) -> S3Storage {
    S3Storage::connect(settings).await.expect("valid settings")
}

/// Parses the name of a bucket.
///
/// # Panics
/// Panics if the name is invalid.
pub fn bucket(name: &str) -> BucketName {
    name.parse().expect("a bucket name")
}

/// Parses the key of an object.
///
/// # Panics
/// Panics if the key is invalid.
pub fn key(name: &str) -> ObjectKey {
    ObjectKey::new(name).expect("an object key")
}

/// Parses an ETag without quotes.
///
/// # Panics
/// Panics if the ETag is invalid.
pub fn etag(text: &str) -> ETag {
    text.parse().expect("an ETag")
}
