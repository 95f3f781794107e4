//! The service as the server puts it together, on a store that nobody asks anything.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use draftstore_runtime::AuditLog;
use draftstore_runtime::config::Config;
use draftstore_runtime::logging::{self, Program};
use draftstore_s3::{S3Storage, Settings, StaticCredentials};
use draftstore_service::{AllowedOrigins, Buckets, Drafts, Policy, Store, SystemClock};
use draftstore_storage::{DraftBucket, Storage};

/// What runs, as logs and traces call it.
const PROGRAM: Program = Program {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

/// What URLs are signed for.
pub const REGION: &str = "us-east-1";

/// Where URLs point. Nothing listens there: a benchmark that asked the store would fail.
pub const ENDPOINT: &str = "http://127.0.0.1:1";

/// The bucket of the URLs.
pub const DRAFT_BUCKET: &str = "main-draft";

/// What URLs are signed with, with [`SECRET_ACCESS_KEY`]: as long as AWS's own, and not expiring.
pub const ACCESS_KEY_ID: &str = "AKIABENCHMARKSONLY00";

/// See [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "of-forty-characters-as-those-of-aws-are.";

/// How long URLs are valid: the server's default.
pub const UPLOAD_TTL: Duration = Duration::from_secs(3600);

/// Days, as the server's default.
const OBJECT_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A store's client that can sign, and the buckets that it signs for.
///
/// # Errors
/// When the constants above do not fit together.
pub async fn storage() -> anyhow::Result<(Arc<dyn Storage>, Buckets)> {
    let settings = Settings {
        endpoint: Some(ENDPOINT.to_owned()),
        credentials: Some(StaticCredentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)),
        ..Settings::new(REGION)
    };
    let (draft, main) = DraftBucket::pair(DRAFT_BUCKET.parse()?, "main".parse()?)?;
    Ok((Arc::new(S3Storage::connect(settings).await?), Buckets { draft, main }))
}

/// A service that can issue upload URLs, and nothing that needs an answer of the store.
///
/// # Errors
/// When the constants above do not fit together.
pub async fn drafts() -> anyhow::Result<Drafts> {
    let (storage, buckets) = storage().await?;
    let policy = Policy::new(UPLOAD_TTL, UPLOAD_TTL, OBJECT_LIFETIME, Duration::ZERO)?;
    Ok(Drafts::new(
        Store::new(storage, buckets),
        policy,
        AllowedOrigins::default(),
        Arc::new(SystemClock),
    ))
}

/// Logs as the server does, in lines of JSON, which `harness` reads. What is not printed costs something too.
///
/// # Errors
/// When logging was started before.
pub fn start_logging() -> anyhow::Result<()> {
    let config = Config::load([("LOG_FORMAT".to_owned(), "json".to_owned())])?;
    logging::start(&config, PROGRAM, &AuditLog::default()).context("logging was started before")?;
    Ok(())
}
