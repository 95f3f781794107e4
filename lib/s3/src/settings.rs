//! The settings of a client: the store, and the credentials.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_storage::CallObserver;

use crate::owner::BucketOwner;

/// A store, and the credentials of its client.
///
/// Without credentials here, the credentials and the unset settings come from the environment and the profile of AWS. With
/// credentials, nothing does.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region that requests are signed for (`AWS_REGION`). `None`: the profile's, or else us-east-1.
    pub region: Option<String>,
    /// The endpoint of calls (`S3_ENDPOINT`): scheme, host, port, perhaps a path. `None`: the profile's, or else AWS in that
    /// region.
    pub endpoint: Option<String>,
    /// The endpoint of presigned URLs (`S3_PUBLIC_ENDPOINT`). `None`: [`Self::endpoint`].
    pub public_endpoint: Option<String>,
    /// Puts the bucket into the path (`host/bucket/key`) and not into the host name. `None`: into the path if there is an
    /// endpoint, as most stores other than AWS require.
    pub path_style: Option<bool>,
    /// The endpoints of AWS that are validated for FIPS (`AWS_USE_FIPS_ENDPOINT`). `None`: as in the profile.
    pub use_fips: Option<bool>,
    /// The endpoints of AWS that also have IPv6 addresses (`AWS_USE_DUALSTACK_ENDPOINT`). `None`: as in the
    /// profile.
    pub use_dual_stack: Option<bool>,
    /// Sends calls directly to the endpoint, without the proxies of the environment: the store is the program's own.
    pub is_direct: bool,
    /// The credentials of calls. `None`: the SDK's default chain (environment, profile, web identity of Kubernetes, container,
    /// instance).
    pub credentials: Option<StaticCredentials>,
    /// The credentials that sign uploads. `None`: those of the calls.
    pub signing: Option<Signing>,
    /// The required owner of the buckets (`EXPECTED_BUCKET_OWNER`): S3 refuses calls on the buckets of others. `None`: any.
    ///
    /// Only calls state it, not presigned URLs. There it would be a signed header, which every client would have to send: an
    /// upload by `curl -T` would need it, a form and a link to a download cannot have it, and every client would learn the
    /// account. A server whose buckets belong to another account never becomes ready.
    pub expected_bucket_owner: Option<BucketOwner>,
    /// The timeouts of calls.
    pub timeouts: Timeouts,
    /// The size of parts in bytes: see [`DEFAULT_PART_SIZE`]. It is kept within S3's limits, and raised if 10,000 parts are not
    /// enough.
    pub part_size: u64,
    /// The observer of all calls.
    pub observer: Option<Arc<dyn CallObserver>>,
}

impl Settings {
    /// Returns the settings for AWS in that region, with the default credential chain.
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: Some(region.into()),
            endpoint: None,
            public_endpoint: None,
            path_style: None,
            use_fips: None,
            is_direct: false,
            use_dual_stack: None,
            credentials: None,
            signing: None,
            expected_bucket_owner: None,
            timeouts: Timeouts::default(),
            part_size: DEFAULT_PART_SIZE,
            observer: None,
        }
    }
}

/// Credentials that only sign uploads. They need the right to put objects into the draft bucket, also in parts.
///
/// A presigned PUT has the rights of its signer. If a store accepts unsigned headers, a PUT with `x-amz-copy-source` copies
/// any object that the signer can read. So the signer of uploads should not have the right to read. Downloads are signed with
/// the credentials of the calls, because a GET reads only its one object.
#[derive(Debug, Clone)]
pub enum Signing {
    /// Credentials that are configured, and not loaded.
    Static(StaticCredentials),
    /// The credentials of a role, which is assumed with those of the calls, and again before they end.
    Role {
        /// The ARN of the role.
        arn: String,
    },
}

/// Credentials that are configured, and not loaded.
#[derive(Clone)]
pub struct StaticCredentials {
    /// The access key ID.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// The time at which they end, if it is known. No signature is valid longer.
    pub expires_at: Option<SystemTime>,
}

impl StaticCredentials {
    /// A key pair that does not expire.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
            expires_at: None,
        }
    }
}

impl fmt::Debug for StaticCredentials {
    /// Shows the access key ID, which is not a secret, and the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The timeout of a TCP connection with its TLS handshake. A store nearby answers in milliseconds.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The timeout of one attempt of a call other than a copy. A loaded store needs a second or two for a page of 1,000.
pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The timeout of a call with all its attempts and the pauses between them.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(25);

/// The timeout of a copy, and of each attempt to copy a part: 5 GiB at 20 MiB/s.
pub const DEFAULT_COPY_TIMEOUT: Duration = Duration::from_secs(256);

/// The size of the parts that a large object is copied in, in bytes. Large enough that the number of calls does not matter,
/// small enough that 6 GiB fill all concurrent copies, and that the retry of one part costs seconds.
pub const DEFAULT_PART_SIZE: u64 = 512 * 1024 * 1024;

/// The times after which a call fails as `Unavailable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The timeout of a connection: see [`DEFAULT_CONNECT_TIMEOUT`].
    pub connect: Duration,
    /// The timeout of an attempt: see [`DEFAULT_ATTEMPT_TIMEOUT`].
    pub attempt: Duration,
    /// The timeout of a call: see [`DEFAULT_CALL_TIMEOUT`].
    pub call: Duration,
    /// The timeout of a copy: see [`DEFAULT_COPY_TIMEOUT`].
    pub copy: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: DEFAULT_CONNECT_TIMEOUT,
            attempt: DEFAULT_ATTEMPT_TIMEOUT,
            call: DEFAULT_CALL_TIMEOUT,
            copy: DEFAULT_COPY_TIMEOUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_show_their_secrets() {
        let mut credentials = StaticCredentials::new("AKID", "hush-secret");
        credentials.session_token = Some("hush-token".to_owned());
        let settings = Settings {
            credentials: Some(credentials),
            ..Settings::new("us-east-1")
        };
        let shown = format!("{settings:?} {settings:#?}");
        assert!(shown.contains("AKID") && !shown.contains("hush"), "{shown}");
    }
}
