//! The service as the server configures it, with a store that is never called.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use draftstore_config::Environment;
use draftstore_s3::{S3Storage, Settings, StaticCredentials};
use draftstore_service::{AllowedOrigins, Buckets, Drafts, Policy, Store, SystemClock};
use draftstore_storage::{DraftBucket, Storage};
use draftstore_telemetry::Program;
use draftstore_telemetry::logging;

/// The program name in logs and traces.
const PROGRAM: Program = Program {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

/// The region that URLs are signed for.
pub const REGION: &str = "us-east-1";

/// The endpoint in URLs. Nothing listens there, so that a benchmark that calls the store fails.
pub const ENDPOINT: &str = "http://127.0.0.1:1";

/// The draft bucket that URLs point to.
pub const DRAFT_BUCKET: &str = "main-draft";

/// The access key ID that signs URLs. It has the length of AWS's, and does not expire.
pub const ACCESS_KEY_ID: &str = "AKIABENCHMARKSONLY00";

/// The secret of [`ACCESS_KEY_ID`], with the length of AWS's secrets.
pub const SECRET_ACCESS_KEY: &str = "of-forty-characters-as-those-of-aws-are.";

/// The lifetime of URLs, which is the server's default.
pub const UPLOAD_TTL: Duration = Duration::from_secs(3600);

/// The lifetime of drafts, which is the server's default.
const OBJECT_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Returns a storage client that can sign, and its buckets.
///
/// # Errors
/// Returns an error if the constants of this module are invalid.
pub async fn storage() -> anyhow::Result<(Arc<dyn Storage>, Buckets)> {
    let settings = Settings {
        endpoint: Some(ENDPOINT.to_owned()),
        credentials: Some(StaticCredentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)),
        ..Settings::new(REGION)
    };
    let (draft, main) = DraftBucket::pair(DRAFT_BUCKET.parse()?, "main".parse()?)?;
    Ok((Arc::new(S3Storage::connect(settings).await?), Buckets::new(draft, main)))
}

/// Returns a service that issues upload URLs. Calls that need the store fail.
///
/// # Errors
/// Returns an error if the constants of this module are invalid.
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

/// Starts logging as the server does, in lines of JSON, which `harness` reads. Disabled log events have a cost as well.
///
/// # Errors
/// Returns an error if logging has already been started.
pub fn start_logging() -> anyhow::Result<()> {
    let mut environment = Environment::from_pairs([("LOG_FORMAT", "json")]);
    let settings = environment.load();
    let settings = environment.finish(settings)?;
    logging::start(&settings, None, None, PROGRAM).context("logging has already been started")?;
    Ok(())
}
