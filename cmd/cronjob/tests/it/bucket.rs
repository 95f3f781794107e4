//! A store with a draft and a main bucket, and ways to fill them as clients do.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use draftstore_storage::s3::{S3Storage, Settings, StaticCredentials};
use draftstore_storage::{
    Attributes, CopyToMain, DraftBucket, IfDestination, ListObjects, ListUploads, MainBucket, ObjectKey, PresignPut,
    Storage,
};
use draftstore_testing::{Embedded, Endpoint};
use futures::stream::{self, StreamExt as _};

/// How many uploads run side by side.
const UPLOADS_AT_ONCE: usize = 16;

pub(crate) struct Bucket {
    pub(crate) storage: S3Storage,
    pub(crate) main: MainBucket,
    draft: DraftBucket,
    endpoint: Endpoint,
    http: reqwest::Client,
    _store: Embedded,
}

impl Bucket {
    pub(crate) async fn new() -> Self {
        let store = Embedded::start().await;
        let endpoint = store.endpoint();
        let storage = S3Storage::connect(Settings {
            endpoint: Some(endpoint.url.clone()),
            credentials: Some(StaticCredentials::new(
                &endpoint.access_key_id,
                &endpoint.secret_access_key,
            )),
            ..Settings::new(&endpoint.region)
        })
        .await
        .expect("settings");
        let (draft, main) = DraftBucket::pair("main-draft".parse().expect("valid"), "main".parse().expect("valid"))
            .expect("two buckets");
        for bucket in [draft.name(), main.name()] {
            storage.create_bucket(bucket).await.expect("made");
        }
        Self {
            storage,
            main,
            draft,
            endpoint,
            http: reqwest::Client::new(),
            _store: store,
        }
    }

    /// What the cronjob needs to find it.
    pub(crate) fn variables(&self) -> [(&str, &str); 4] {
        [
            ("S3_ENDPOINT", &self.endpoint.url),
            ("AWS_REGION", &self.endpoint.region),
            ("AWS_ACCESS_KEY_ID", &self.endpoint.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.endpoint.secret_access_key),
        ]
    }

    /// Uploads a draft of five bytes.
    pub(crate) async fn put(&self, key: &str) {
        let url = self.presign(key).await;
        let answer = self.http.put(url).body("draft").send().await.expect("an answer");
        assert!(answer.status().is_success());
    }

    pub(crate) async fn put_many(&self, drafts: usize) {
        let puts = stream::iter(0..drafts).map(|n| async move { self.put(&format!("drafts/{n:05}")).await });
        puts.buffer_unordered(UPLOADS_AT_ONCE).collect::<()>().await;
    }

    /// Puts an object into main as a confirm does.
    pub(crate) async fn put_main(&self, key: &str) {
        self.put(key).await;
        let key: ObjectKey = key.parse().expect("valid");
        let draft = self.storage.head(self.draft.name(), &key).await.expect("there");
        let copy = CopyToMain {
            draft_bucket: &self.draft,
            draft_key: &key,
            draft_etag: &draft.etag,
            main_bucket: &self.main,
            main_key: &key,
            if_destination: IfDestination::Absent,
            attributes: &Attributes::default(),
        };
        self.storage.copy_to_main(&copy).await.expect("copied");
        let version = draftstore_storage::DraftVersion { key, etag: draft.etag };
        self.storage.delete_draft(&self.draft, &version).await.expect("deleted");
    }

    /// Begins a multipart upload and leaves it.
    pub(crate) async fn begin_upload(&self, key: &str) {
        let credentials = aws_sdk_s3::config::Credentials::new(
            &self.endpoint.access_key_id,
            &self.endpoint.secret_access_key,
            None,
            None,
            "test",
        );
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(aws_sdk_s3::config::Region::new(self.endpoint.region.clone()))
            .endpoint_url(&self.endpoint.url)
            .force_path_style(true)
            .credentials_provider(credentials);
        let client = aws_sdk_s3::Client::from_conf(config.build());
        let begin = client
            .create_multipart_upload()
            .bucket(self.draft.name().as_str())
            .key(key);
        begin.send().await.expect("begun");
    }

    /// Keys in the draft bucket.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let page = self
            .storage
            .list(self.draft.name(), &ListObjects::default())
            .await
            .expect("listed");
        page.objects.iter().map(|object| object.key.to_string()).collect()
    }

    /// Uploads in progress in the draft bucket.
    pub(crate) async fn uploads(&self) -> usize {
        let page = self
            .storage
            .list_uploads(self.draft.name(), &ListUploads::default())
            .await;
        page.expect("listed").uploads.len()
    }

    async fn presign(&self, key: &str) -> String {
        let put = PresignPut {
            bucket: &self.draft,
            key: &key.parse().expect("valid"),
            content_length: None,
            content_type: None,
            checksum_sha256: None,
            metadata: &BTreeMap::new(),
            write_once: false,
            now: SystemTime::now(),
            expires_in: Duration::from_secs(600),
        };
        self.storage.presign_put(&put).await.expect("signed").url.expose()
    }
}
