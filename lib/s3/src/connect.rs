//! From settings to clients, without asking the store anything.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use draftstore_storage::{BucketName, Error};
use http::Uri;

use crate::calls;
use crate::conditions::Conditions;
use crate::credentials;
use crate::owner::ExpectOwner;
use crate::presign::Presigner;
use crate::settings::{Settings, Timeouts};
use crate::signers::{Left, Signers};
use crate::watched::Watch;

/// A store that speaks S3. Cheap to clone into many tasks behind an `Arc`.
#[derive(Debug)]
pub struct S3Storage {
    pub(crate) client: Client,
    pub(crate) presigner: Presigner,
    /// The presigner of uploads, where those are signed by credentials of their own.
    pub(crate) upload_presigner: Option<Presigner>,
    pub(crate) region: String,
    pub(crate) timeouts: Timeouts,
    pub(crate) part_size: u64,
    pub(crate) conditions: Conditions,
}

/// The time that the credentials at hand still live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialsLeft {
    /// The life of the credentials of the calls, which also sign downloads.
    pub calls: Left,
    /// The life of the credentials that sign uploads.
    pub uploads: Left,
}

impl CredentialsLeft {
    /// Returns `true` if both live.
    pub fn live(self) -> bool {
        self.calls.lives() && self.uploads.lives()
    }
}

/// Settings that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint for calls.
    #[error("the S3 endpoint is no URL of http or https, host and perhaps port and path")]
    InvalidEndpoint,
    /// The endpoint that URLs are signed for.
    #[error("the public S3 endpoint is no URL of http or https, host and perhaps port and path")]
    InvalidPublicEndpoint,
    /// The region of the store.
    #[error("a region has only letters, digits, '-' and '_'")]
    InvalidRegion,
}

/// First attempt and two more, with the SDK's pauses of up to a second or two between them.
const MAX_ATTEMPTS: u32 = 3;

impl S3Storage {
    /// Makes a client. Calls nothing: wrong credentials and unreachable stores show at the first call.
    ///
    /// # Errors
    /// [`ConnectError`] when settings cannot be right.
    pub async fn connect(settings: Settings) -> Result<Self, ConnectError> {
        let region_is_valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if settings.region.is_empty() || !settings.region.bytes().all(region_is_valid) {
            return Err(ConnectError::InvalidRegion);
        }
        if settings
            .endpoint
            .as_deref()
            .is_some_and(|endpoint| !is_endpoint(endpoint))
        {
            return Err(ConnectError::InvalidEndpoint);
        }
        if settings
            .public_endpoint
            .as_deref()
            .is_some_and(|endpoint| !is_endpoint(endpoint))
        {
            return Err(ConnectError::InvalidPublicEndpoint);
        }

        let provider = credentials::provider(settings.credentials, &settings.region).await;
        let public_endpoint = settings.public_endpoint.or_else(|| settings.endpoint.clone());
        let mut calls = config(&settings.region, settings.endpoint, settings.path_style)
            .credentials_provider(provider.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(call_timeouts(&settings.timeouts))
            .interceptor(Watch(settings.observer));
        if let Some(owner) = settings.expected_bucket_owner {
            calls = calls.interceptor(ExpectOwner(owner));
        }
        let signing = config(&settings.region, public_endpoint, settings.path_style);
        let upload_presigner = match settings.signing {
            Some(own) => {
                let provider = Box::pin(credentials::signing(own, &provider, &settings.region)).await;
                let signers = Signers::new(provider, &settings.region);
                Some(Presigner::new(signers, signing.clone()))
            }
            None => None,
        };
        Ok(Self {
            client: Client::from_conf(calls.build()),
            upload_presigner,
            presigner: Presigner::new(Signers::new(provider, &settings.region), signing),
            region: settings.region,
            timeouts: settings.timeouts,
            part_size: settings.part_size,
            conditions: Conditions::default(),
        })
    }

    /// Returns the presigner of uploads.
    pub(crate) fn uploads(&self) -> &Presigner {
        self.upload_presigner.as_ref().unwrap_or(&self.presigner)
    }

    /// Sends a HEAD of a bucket. Kind `NotFound` or `BucketNotFound` when there is none.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn look(&self, bucket: &BucketName) -> Result<(), Error> {
        calls::look(self, bucket).await
    }

    /// Loads credentials for the calls and for signing where there are none, and returns how long they live.
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

    /// Returns how long the credentials at hand still live. Loads none.
    pub fn credentials_left(&self, now: SystemTime) -> CredentialsLeft {
        CredentialsLeft {
            calls: self.presigner.signers.left(now),
            uploads: self.uploads().signers.left(now),
        }
    }

    /// The configuration of a copy: one attempt, with time enough. See [`draftstore_storage::Objects::copy_to_main`].
    pub(crate) fn copy_config(&self) -> Builder {
        Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(self.copy_timeouts(self.timeouts.copy))
    }

    /// The configuration of the copy of a part: time enough. It may be repeated.
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

/// One for all calls, each of which is bounded by its attempt's: the SDK keeps apart the connections of calls that wait for
/// an answer for another time, so that copies would not find those open that other calls had opened.
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

/// The configuration that calls and signing share. Stores beside AWS break on checksums that they did not ask for.
fn config(region: &str, endpoint: Option<String>, path_style: Option<bool>) -> Builder {
    let path_style = path_style.unwrap_or(endpoint.is_some());
    let mut config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .force_path_style(path_style)
        .disable_s3_express_session_auth(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(endpoint);
    config
}

fn is_endpoint(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        let authority = uri
            .authority()
            .is_some_and(|a| !a.host().is_empty() && !a.as_str().contains('@'));
        authority && matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_of_http_without_query_and_password() {
        for good in [
            "http://127.0.0.1:9000",
            "https://s3.example.com/",
            "http://[::1]:9000",
            "https://h/base/path",
        ] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in [
            "",
            "localhost:9000",
            "ftp://h",
            "http://",
            "http://h/?q=1",
            "http://user:pass@h/",
            "/path",
        ] {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }

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
                    region: region.into(),
                    ..good.clone()
                })
                .await,
                ConnectError::InvalidRegion
            );
        }
    }
}
