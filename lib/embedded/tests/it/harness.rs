//! A running store in a temporary directory, and clients for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use draftstore_connections::ConnectionLimits;
use draftstore_embedded::{Credentials, EmbeddedConfig, EmbeddedStore};
use draftstore_testing::http_client;
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "bucket";
/// The wait until a restored object can be read, by the store's clock.
pub(crate) const RESTORE_WAIT: Duration = Duration::from_secs(5 * 3600);
pub(crate) const MIB: usize = 1024 * 1024;
/// The maximum size of an object stored in the index, in bytes.
pub(crate) const MAX_INLINE: usize = 16 * 1024;

pub(crate) struct TestStore {
    running: EmbeddedStore,
    pub(crate) credentials: Credentials,
    pub(crate) s3: Client,
    pub(crate) http: reqwest::Client,
    dir: TempDir,
}

impl TestStore {
    /// Starts a store with one bucket.
    pub(crate) async fn start() -> Self {
        let store = Self::start_in(TempDir::new().unwrap()).await;
        store.s3.create_bucket().bucket(BUCKET).send().await.unwrap();
        store
    }

    pub(crate) async fn start_in(dir: TempDir) -> Self {
        let (running, credentials) = start(dir.path()).await;
        let s3 = client(&running.endpoint(), &credentials);
        Self {
            running,
            credentials,
            s3,
            http: http_client(),
            dir,
        }
    }

    /// Shuts down gracefully and returns the directory.
    pub(crate) async fn stop(self) -> TempDir {
        self.running.shutdown().await;
        self.dir
    }

    /// Sets the store's clock forward, which does not concern signatures.
    pub(crate) fn advance(&self, by: Duration) {
        self.running.advance_clock(by);
    }

    pub(crate) async fn apply_lifecycle(&self) {
        self.running.apply_lifecycle().await.unwrap();
    }

    pub(crate) fn endpoint(&self) -> String {
        self.running.endpoint()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub(crate) async fn put(&self, key: &str, body: impl Into<Bytes>) -> String {
        let body = ByteStream::from(body.into());
        let put = self
            .s3
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(body)
            .send()
            .await
            .unwrap();
        put.e_tag.unwrap()
    }

    pub(crate) async fn get(&self, key: &str) -> Option<Bytes> {
        match self.s3.get_object().bucket(BUCKET).key(key).send().await {
            Ok(got) => Some(got.body.collect().await.unwrap().into_bytes()),
            Err(error) => {
                assert_eq!(error.code(), Some("NoSuchKey"), "{error:?}");
                None
            }
        }
    }

    /// Sends a presigned request with its signed headers and `more`. The length is that of `body`, not the signed one.
    pub(crate) async fn send(
        &self,
        request: &PresignedRequest,
        more: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Response {
        let method = request.method().parse().unwrap();
        let mut sent = self.http.request(method, request.uri()).body(body);
        let signed = request.headers().filter(|(name, _)| *name != "content-length");
        for (name, value) in signed.chain(more.iter().copied()) {
            sent = sent.header(name, value);
        }
        sent.send().await.unwrap()
    }
}

pub(crate) async fn start(data_dir: &Path) -> (EmbeddedStore, Credentials) {
    let credentials = Credentials::load_or_create(data_dir).unwrap();
    let settings = EmbeddedConfig {
        data_dir: data_dir.to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        credentials: credentials.clone(),
        upload_only: None,
        limits: ConnectionLimits::default(),
        hosts: None,
        restore_wait: RESTORE_WAIT,
        created: None,
    };
    (EmbeddedStore::start(settings).await.unwrap(), credentials)
}

pub(crate) fn client(endpoint: &str, credentials: &Credentials) -> Client {
    let Credentials {
        access_key_id,
        secret_access_key,
    } = credentials;
    let provider =
        aws_sdk_s3::config::Credentials::new(access_key_id, secret_access_key, None, None, "the store's own");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .credentials_provider(provider)
        .build();
    Client::from_conf(config)
}

pub(crate) fn for_an_hour() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap()
}

/// Returns the status and the code of a rejected request.
pub(crate) fn rejection<T: std::fmt::Debug, E>(result: Result<T, SdkError<E>>) -> (u16, String)
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    let error = result.expect_err("the request is rejected");
    let status = error.raw_response().expect("there is a response").status().as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

/// Returns the blob files in a data directory.
pub(crate) fn blob_files(data_dir: &Path) -> Vec<PathBuf> {
    let shards = std::fs::read_dir(data_dir.join("blobs")).unwrap();
    let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

/// Returns pseudorandom bytes, which differ for each seed.
pub(crate) fn noise(seed: u64, len: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}
