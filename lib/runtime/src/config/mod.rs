//! Environment to typed configuration: every error at once, and no malformed value replaced by a default.

mod auth;
mod connections;
mod errors;
mod limits;
mod listen;
mod load;
mod policy;
mod requests;
mod signing;
mod store;
mod tls;
mod told;
mod values;
mod variables;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use draftstore_embedded::Credentials;
use draftstore_s3::{self as s3, Signing, StaticCredentials};
use draftstore_service::cleaner::{Brakes, Part};
use draftstore_service::draft::ConfirmLimits;
use draftstore_service::{AllowedOrigins, Buckets, Policy};

use crate::logging::{LogFilter, LogFormat};
use crate::traces::TraceSettings;
use crate::{AuditLog, Schedule};

pub use connections::ConnectionLimits;
pub use errors::InvalidConfig;
pub use requests::{Rate, RequestLimits};
pub use tls::TlsFiles;
pub use variables::{VARIABLES, Variable};

/// The configuration of a process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which store, and why it was chosen: for the log.
    pub store: Store,
    /// See [`Store`].
    pub store_reason: &'static str,
    /// The two buckets.
    pub buckets: Buckets,
    /// How long things live.
    pub policy: Policy,
    /// How much a sweep may delete.
    pub brakes: Brakes,
    /// Which part of the draft bucket a sweep is for.
    pub sweep_part: Part,
    /// What a confirm may take.
    pub confirm_limits: ConfirmLimits,
    /// How long the server goes on serving when it was told to end.
    pub shutdown_delay: Duration,
    /// Whether to refuse to run on a store that weakens a promise.
    pub require_safe_store: bool,
    /// Pages that may use the API and the draft bucket.
    pub origins: AllowedOrigins,
    /// Where the keys are that sign tickets.
    pub ticket_keys_file: Option<PathBuf>,
    /// Whether the server serves its web console.
    pub console: bool,
    /// Where the server listens.
    pub listen: Listen,
    /// Where it says how it is.
    pub admin: Admin,
    /// How often it looks whether the store answers.
    pub readiness_interval: Duration,
    /// What it holds connections to.
    pub connections: ConnectionLimits,
    /// Who is asked who they are; none: it was not said, see [`Config::auth_of_server`].
    pub auth: Option<Auth>,
    /// What it holds requests to.
    pub requests: RequestLimits,
    /// Whether both ports speak TLS, and with what.
    pub tls: Option<TlsFiles>,
    /// When to sweep; none: the binary's own habit.
    pub cleanup_schedule: Option<Schedule>,
    /// Where the audit goes.
    pub audit_log: AuditLog,
    /// Where traces go; none: nowhere.
    pub traces: Option<TraceSettings>,
    /// Where the figures of a sweep go.
    pub sweep_report: SweepReport,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: LogFilter,
}

impl Config {
    /// What URLs of the server begin with.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// Where objects are.
#[derive(Debug, Clone)]
pub enum Store {
    /// In S3 or what speaks like it.
    S3(s3::Settings),
    /// In the store that runs inside the server.
    Embedded(EmbeddedStore),
}

/// The embedded store's part of the configuration.
#[derive(Debug, Clone)]
pub struct EmbeddedStore {
    /// Where it keeps its data.
    pub data_dir: PathBuf,
    /// Its port on loopback.
    pub port: u16,
    /// Its credentials; none: those that it keeps in its data directory.
    pub credentials: Option<Credentials>,
    /// What signs uploads; none: a pair that it keeps in its data directory.
    pub signing: Option<Credentials>,
    /// The region that requests are signed for.
    pub region: String,
    /// What URLs are signed for; none: its own address.
    pub public_endpoint: Option<String>,
    /// Whose its buckets must be; none: anybody's.
    pub expected_bucket_owner: Option<s3::BucketOwner>,
}

impl EmbeddedStore {
    /// How a client reaches it at this endpoint with these credentials; uploads may be signed by others.
    pub fn client(&self, endpoint: String, credentials: &Credentials, signing: Option<&Credentials>) -> s3::Settings {
        let pair = |pair: &Credentials| StaticCredentials::new(&pair.access_key_id, &pair.secret_access_key);
        s3::Settings {
            endpoint: Some(endpoint),
            public_endpoint: self.public_endpoint.clone(),
            expected_bucket_owner: self.expected_bucket_owner.clone(),
            credentials: Some(pair(credentials)),
            signing: signing.map(|signing| Signing::Static(pair(signing))),
            ..s3::Settings::new(&self.region)
        }
    }
}

/// Who is asked who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Nobody: whoever reaches the server may do everything.
    Nobody,
    /// Everybody.
    By {
        /// In any of these ways,
        ways: Ways,
        /// and by this policy.
        policy_file: PathBuf,
    },
}

/// Ways to be recognised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// By an API key.
    pub api_key: bool,
    /// By a JSON Web Token.
    pub jwt: bool,
    /// By the certificate of the connection.
    pub mtls: bool,
}

/// Where a process that ends after its sweep leaves the figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// A file, for `node_exporter`'s textfile collector.
    pub textfile: Option<PathBuf>,
    /// URL of a Pushgateway.
    pub pushgateway: Option<String>,
}

/// Where a process says how it is: metrics and health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    /// Of the port.
    pub address: IpAddr,
    /// The port; none: nowhere.
    pub port: Option<u16>,
    /// Whether the port was named, and is not only a habit.
    pub is_asked_for: bool,
}

/// Addresses of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Of both ports.
    pub address: IpAddr,
    /// For gRPC.
    pub grpc_port: u16,
    /// For REST.
    pub http_port: u16,
}
