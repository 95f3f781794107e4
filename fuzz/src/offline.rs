//! A service that signs without anybody to talk to.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_service::{AllowedOrigins, Buckets, Clock, Drafts, Policy, Store};
use draftstore_storage::DraftBucket;
use draftstore_storage::s3::{S3Storage, Settings, StaticCredentials};
use tokio::runtime::{Builder, Runtime};

/// When everything here happens.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET_ACCESS_KEY: &str = "hush/hush+hush";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const HOST: &str = "store.example:9000";

thread_local! {
    /// Of one thread, like the store's client.
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    static DRAFTS: Drafts = drafts();
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        now()
    }
}

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// Waits for what only computes.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

pub(crate) fn with_drafts<T>(run: impl FnOnce(&Drafts) -> T) -> T {
    DRAFTS.with(run)
}

/// A signer for a store that nobody looks up.
pub(crate) fn storage(path_style: bool, session_token: Option<&str>) -> S3Storage {
    let credentials = StaticCredentials {
        session_token: session_token.map(ToOwned::to_owned),
        ..StaticCredentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    };
    let settings = Settings {
        endpoint: Some(format!("http://{HOST}")),
        path_style: Some(path_style),
        credentials: Some(credentials),
        ..Settings::new(REGION)
    };
    wait(S3Storage::connect(settings)).expect("good settings")
}

fn drafts() -> Drafts {
    let (draft, main) = ("main-draft".parse(), "main".parse());
    let (draft, main) = DraftBucket::pair(draft.expect("a name"), main.expect("a name")).expect("two names");
    let hour = Duration::from_secs(3600);
    let policy = Policy::new(hour, hour, 24 * hour, hour).expect("a policy");
    let store = Store::new(Arc::new(storage(true, None)), Buckets { draft, main });
    Drafts::new(store, policy, AllowedOrigins::default(), Arc::new(Stopped))
}
