//! The creation of clients from settings, without a call to the store.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use draftstore_config::parse;
use draftstore_storage::{BucketName, Error};

use crate::calls;
use crate::conditions::Conditions;
use crate::credentials;
use crate::http_client::http_client;
use crate::owner::ExpectOwner;
use crate::presign::Presigner;
use crate::required_headers::RequiredHeaders;
use crate::settings::{Settings, Timeouts};
use crate::shared_config::{self, DEFAULT_REGION};
use crate::signers::{Left, Signers};
use crate::watched::Watch;

/// A store that speaks S3. Cheap to clone into many tasks behind an `Arc`.
#[derive(Debug)]
pub struct S3Storage {
    pub(crate) client: Client,
    pub(crate) presigner: Presigner,
    /// The presigner of uploads, if they are signed with credentials of their own.
    pub(crate) upload_presigner: Option<Presigner>,
    pub(crate) region: String,
    pub(crate) timeouts: Timeouts,
    pub(crate) part_size: u64,
    pub(crate) conditions: Conditions,
    name: String,
}

/// The remaining lives of the current credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialsLeft {
    /// The life of the credentials of the calls, which also sign downloads.
    pub calls: Left,
    /// The life of the credentials that sign uploads.
    pub uploads: Left,
}

impl CredentialsLeft {
    /// Returns `true` if neither has ended.
    pub fn live(self) -> bool {
        self.calls.lives() && self.uploads.lives()
    }
}

/// The error of settings that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint for calls.
    #[error("the S3 endpoint is no URL of http or https, host and perhaps port and path")]
    InvalidEndpoint,
    /// The endpoint that URLs are signed for.
    #[error("the public S3 endpoint is no URL of http or https, host and perhaps port and path")]
    InvalidPublicEndpoint,
    /// FIPS or dual-stack endpoints of a store that is not AWS.
    #[error(
        "AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT must not go with an endpoint: they choose among those of AWS"
    )]
    NotOfAws,
    /// The region of the store.
    #[error("a region has only letters, digits, '-' and '_'")]
    InvalidRegion,
}

/// The maximum number of attempts of a call, with the SDK's pauses of up to two seconds between them.
const MAX_ATTEMPTS: u32 = 3;

impl S3Storage {
    /// Creates a client. Makes no call: wrong credentials and an unreachable store are errors of the first call.
    ///
    /// # Errors
    /// [`ConnectError`] if the settings contradict each other.
    pub async fn connect(settings: Settings) -> Result<Self, ConnectError> {
        let settings = shared_config::complete(settings).await;
        let region = settings.region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let region_is_valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if region.is_empty() || !region.bytes().all(region_is_valid) {
            return Err(ConnectError::InvalidRegion);
        }
        let given = |endpoint: Option<String>, error| match endpoint.as_deref().map(parse::url) {
            Some(Ok(endpoint)) => Ok(Some(endpoint)),
            Some(Err(_)) => Err(error),
            None => Ok(None),
        };
        let endpoint = given(settings.endpoint, ConnectError::InvalidEndpoint)?;
        let public_endpoint = given(settings.public_endpoint, ConnectError::InvalidPublicEndpoint)?;
        let aws = AwsEndpoints {
            fips: settings.use_fips.unwrap_or_default(),
            dual_stack: settings.use_dual_stack.unwrap_or_default(),
        };
        if endpoint.is_some() && (aws.fips || aws.dual_stack) {
            return Err(ConnectError::NotOfAws);
        }

        let http_client = http_client(settings.is_direct);
        let aws_config = || {
            aws_config::defaults(BehaviorVersion::latest())
                .region(Region::new(region.clone()))
                .http_client(http_client.clone())
        };
        let provider = Box::pin(credentials::provider(settings.credentials, aws_config())).await;
        let name = match &endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("AWS S3 in {region}"),
        };
        let public_endpoint = public_endpoint.or_else(|| endpoint.clone());
        let mut calls = config(&region, endpoint, settings.path_style, aws)
            .http_client(http_client.clone())
            .credentials_provider(provider.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(call_timeouts(&settings.timeouts))
            .interceptor(RequiredHeaders)
            .interceptor(Watch(settings.observer));
        if let Some(owner) = settings.expected_bucket_owner {
            calls = calls.interceptor(ExpectOwner(owner));
        }
        let signing = config(&region, public_endpoint, settings.path_style, aws);
        let upload_presigner = match settings.signing {
            Some(own) => {
                let provider = Box::pin(credentials::signing(own, &provider, aws_config())).await;
                let signers = Signers::new(provider, &region);
                Some(Presigner::new(signers, signing.clone()))
            }
            None => None,
        };
        Ok(Self {
            client: Client::from_conf(calls.build()),
            upload_presigner,
            presigner: Presigner::new(Signers::new(provider, &region), signing),
            region,
            timeouts: settings.timeouts,
            part_size: settings.part_size,
            conditions: Conditions::default(),
            name,
        })
    }

    /// Returns the endpoint of the calls, or the region of AWS, for logs and reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the presigner of uploads.
    pub(crate) fn uploads(&self) -> &Presigner {
        self.upload_presigner.as_ref().unwrap_or(&self.presigner)
    }

    /// Sends a HEAD of a bucket. Fails with kind `NotFound` or `BucketNotFound` if it does not exist.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn look(&self, bucket: &BucketName) -> Result<(), Error> {
        calls::look(self, bucket).await
    }

    /// Loads missing credentials for the calls and for signing, and returns their remaining lives.
    pub async fn renew_credentials(&self, now: SystemTime) -> CredentialsLeft {
        for presigner in [Some(&self.presigner), self.upload_presigner.as_ref()]
            .into_iter()
            .flatten()
        {
            if let Err(error) = presigner.signers.signer(now).await {
                tracing::debug!(%error, "there are no credentials");
            }
        }
        self.credentials_left(now)
    }

    /// Returns the remaining lives of the current credentials. Loads none.
    pub fn credentials_left(&self, now: SystemTime) -> CredentialsLeft {
        CredentialsLeft {
            calls: self.presigner.signers.left(now),
            uploads: self.uploads().signers.left(now),
        }
    }

    /// The configuration of a copy: one attempt, with the timeout of copies. See [`draftstore_storage::Objects::copy_to_main`].
    pub(crate) fn copy_config(&self) -> Builder {
        Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(self.copy_timeouts(self.timeouts.copy))
    }

    /// The configuration of the copy of a part: retries, with the timeout of copies.
    pub(crate) fn part_config(&self) -> Builder {
        // As long as any other call for the pauses between the attempts.
        let operation = self.timeouts.copy * MAX_ATTEMPTS + self.timeouts.call;
        Builder::new().timeout_config(self.copy_timeouts(operation))
    }

    fn copy_timeouts(&self, operation: Duration) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.timeouts.connect)
            .read_timeout(read_timeout(&self.timeouts))
            .operation_attempt_timeout(self.timeouts.copy)
            .operation_timeout(operation)
            .build()
    }
}

/// The configuration of a call that must not be repeated: one attempt.
pub(crate) fn once_config() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

/// The read timeout of all calls; each attempt has a shorter one. The SDK does not share connections between calls with
/// different read timeouts, so a copy could not use the open connections of other calls.
fn read_timeout(timeouts: &Timeouts) -> Duration {
    timeouts.attempt.max(timeouts.copy)
}

fn call_timeouts(timeouts: &Timeouts) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(timeouts.connect)
        .read_timeout(read_timeout(timeouts))
        .operation_attempt_timeout(timeouts.attempt)
        .operation_timeout(timeouts.call)
        .build()
}

/// The choice among the endpoints of AWS.
#[derive(Debug, Clone, Copy)]
struct AwsEndpoints {
    fips: bool,
    dual_stack: bool,
}

/// The configuration that calls and signing share. Many stores other than AWS fail on checksums that they do not require.
fn config(region: &str, endpoint: Option<String>, path_style: Option<bool>, aws: AwsEndpoints) -> Builder {
    let path_style = path_style.unwrap_or(endpoint.is_some());
    let mut config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .force_path_style(path_style)
        .disable_s3_express_session_auth(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    match endpoint {
        // The SDK appends the bucket to the path without a slash between.
        Some(endpoint) => config.set_endpoint_url(Some(format!("{endpoint}/"))),
        None => config
            .set_use_fips(Some(aws.fips))
            .set_use_dual_stack(Some(aws.dual_stack)),
    };
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wrong_settings_are_refused_by_name() {
        let good = Settings::new("us-east-1");
        let refused = |settings| async { S3Storage::connect(settings).await.expect_err("refused") };
        let endpoint = Settings {
            endpoint: Some("garage:3900".into()),
            ..good.clone()
        };
        assert_eq!(refused(endpoint).await, ConnectError::InvalidEndpoint);
        let public = Settings {
            public_endpoint: Some("nonsense".into()),
            ..good.clone()
        };
        assert_eq!(refused(public).await, ConnectError::InvalidPublicEndpoint);
        for region in ["", "us east", "evil.example/"] {
            assert_eq!(
                refused(Settings {
                    region: Some(region.into()),
                    ..good.clone()
                })
                .await,
                ConnectError::InvalidRegion
            );
        }
    }

    /// Tests that every call has the path of the endpoint, and its host in lower case.
    #[tokio::test]
    async fn calls_go_to_the_path_of_the_endpoint() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        for (base, path) in [
            ("", "/main"),
            ("/", "/main"),
            ("/storage/v1/s3", "/storage/v1/s3/main"),
            ("/storage/v1/s3/", "/storage/v1/s3/main"),
        ] {
            let storage = S3Storage::connect(Settings {
                endpoint: Some(format!("http://LocalHost:{port}{base}")),
                credentials: Some(crate::StaticCredentials::new("AKID", "hush")),
                ..Settings::new("us-east-1")
            });
            let (storage, bucket) = (storage.await.expect("valid"), "main".parse().expect("a name"));
            let respond = async {
                let (mut connection, _) = listener.accept().await.expect("a connection");
                let mut request = vec![0; 8192];
                let len = connection.read(&mut request).await.expect("a request");
                let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                connection.write_all(response).await.expect("sent");
                String::from_utf8_lossy(&request[..len]).into_owned()
            };
            let (called, request) = tokio::join!(storage.look(&bucket), respond);
            called.expect("the bucket is there");
            let target = request.split(' ').nth(1).expect("a target");
            assert_eq!(target.trim_end_matches('/'), path, "{base}");
            assert!(request.contains(&format!("host: localhost:{port}\r\n")), "{request}");
        }
    }
}
