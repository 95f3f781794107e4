//! The service and the cleaner on a store, through the faulty decorator.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use draftstore_service::cleaner::{Brakes, Mode};
use draftstore_service::draft::{ConfirmLimits, ConfirmUpload, Confirmed};
use draftstore_service::{AllowedOrigins, Buckets, Cleaner, Clock, Drafts, Error, Policy, Store, StoreProfile};
use draftstore_storage::{Capabilities, Condition, Operation};
use draftstore_testing::{TestBuckets, key};

use crate::faulty::Faulty;
use crate::ground::Ground;

pub(crate) struct System {
    pub(crate) world: Arc<TestBuckets>,
    pub(crate) store: Arc<Faulty>,
    pub(crate) clock: Arc<ManualClock>,
    installed: Store,
    pub(crate) drafts: Drafts,
}

impl System {
    /// On an embedded store of its own, which honours every condition.
    pub(crate) async fn start() -> Self {
        Ground::strong().await.system().await
    }

    /// In this world, of whose conditions the store is made to honour these, and known to honour those.
    pub(crate) fn new(world: TestBuckets, honoured: Capabilities, known: Capabilities) -> Self {
        let world = Arc::new(world);
        let store = Arc::new(Faulty::new(Arc::clone(&world.storage), honoured));
        let buckets = Buckets {
            draft: world.draft.clone(),
            main: world.main.clone(),
        };
        let clock = Arc::new(ManualClock(Mutex::new(SystemTime::now())));
        let installed = Store::new(store.clone(), buckets).with_profile(StoreProfile::known(known));
        let drafts = Drafts::new(
            installed.clone(),
            policy(3600),
            AllowedOrigins::default(),
            clock.clone(),
        );
        Self {
            world,
            store,
            clock,
            installed,
            drafts,
        }
    }

    /// A second server on the same buckets, which knows nothing of the locks of the first.
    pub(crate) fn other_server(&self) -> Drafts {
        let origins = AllowedOrigins::default();
        Drafts::new(self.installed.clone(), policy(3600), origins, self.clock.clone())
    }

    /// A server that has not looked at the store yet.
    pub(crate) fn unprobed(&self) -> Drafts {
        let store = self.installed.clone().with_profile(StoreProfile::default());
        Drafts::new(store, policy(3600), AllowedOrigins::default(), self.clock.clone())
    }

    /// Whether the store is known to honour this.
    pub(crate) fn honours(&self, condition: Condition) -> bool {
        self.installed.profile.capabilities().honours(condition)
    }

    /// The call that brings the bytes of a small draft to main.
    pub(crate) fn copying(&self) -> Operation {
        if self.honours(Condition::CopySource) {
            Operation::CopyObject
        } else {
            Operation::UploadPartCopy
        }
    }

    /// How often drafts were copied.
    pub(crate) fn copies(&self) -> usize {
        let calls = self.store.calls().into_iter();
        calls.filter(|(call, _)| *call == self.copying()).count()
    }

    /// The same, with URLs that are valid for as long as a draft lives.
    pub(crate) fn with_long_urls(mut self) -> Self {
        let hour = Duration::from_secs(3600);
        let policy = Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy");
        let origins = AllowedOrigins::default();
        self.drafts = Drafts::new(self.installed.clone(), policy, origins, self.clock.clone());
        self
    }

    /// The same, with other bounds for confirms.
    pub(crate) fn limited(mut self, limits: ConfirmLimits) -> Self {
        self.drafts = self.drafts.with_confirm_limits(limits);
        self
    }

    /// A cleaner of drafts that live as long as this, in seconds.
    pub(crate) fn cleaner(&self, lifetime: u64) -> Cleaner {
        self.cleaner_with(lifetime, Brakes::default())
    }

    /// The same, with brakes.
    pub(crate) fn cleaner_with(&self, lifetime: u64, brakes: Brakes) -> Cleaner {
        Cleaner::new(self.installed.clone(), policy(lifetime), brakes, self.clock.clone())
    }

    pub(crate) async fn confirm(&self, name: &str) -> Result<Confirmed, Error> {
        self.confirm_pinned(name, None).await
    }

    pub(crate) async fn confirm_pinned(&self, name: &str, if_match: Option<String>) -> Result<Confirmed, Error> {
        let request = ConfirmUpload {
            object_name: name.to_owned(),
            if_match,
            ..ConfirmUpload::default()
        };
        self.drafts.confirm(&request).await
    }

    /// What is in draft and in main under a name.
    pub(crate) async fn state(&self, name: &str) -> (Option<String>, Option<String>) {
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).expect("text"));
        let key = key(name);
        (
            text(self.world.draft_bytes(&key).await),
            text(self.world.main_bytes(&key).await),
        )
    }

    /// What a client does when it uploads again.
    pub(crate) fn upload_again(&self, name: &'static str, bytes: &str) -> impl Future<Output = ()> + Send + use<> {
        let (world, bytes) = (Arc::clone(&self.world), bytes.to_owned());
        async move {
            world.upload(&key(name), bytes).await;
        }
    }
}

/// The time of the service and of the cleaner, where the store does not tell it: real when it starts, then still.
#[derive(Debug)]
pub(crate) struct ManualClock(Mutex<SystemTime>);

impl ManualClock {
    /// Sets it to the real time.
    pub(crate) fn catch_up(&self) {
        *self.0.lock().expect("not poisoned") = SystemTime::now();
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().expect("not poisoned") += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().expect("not poisoned")
    }
}

/// Returns when this cleaner finds so many to have expired, by the store's clock; a dry run tells.
pub(crate) async fn expire(cleaner: &Cleaner, expired: u64) {
    let begun = Instant::now();
    while cleaner.sweep(Mode::DryRun, &mut |_| {}).await.expect("listed").expired < expired {
        assert!(begun.elapsed().as_secs() < 20, "nothing has expired");
    }
}

/// The ID of a unique draft that expires so many seconds after the epoch, and its key under `file.jpg`, both as the service
/// would give them.
pub(crate) fn unique(expires_at: u64, n: u128) -> (String, String) {
    let id = ulid::Ulid::from_parts(expires_at * 1000, n << 8).to_string();
    let key = format!(".drafts/00/{id}/file.jpg");
    (id, key)
}

pub(crate) const LONG_AGO: u64 = 1_600_000_000;
pub(crate) const FAR_AHEAD: u64 = 4_000_000_000;

/// Both sides of a state.
pub(crate) fn state(draft: Option<&str>, main: Option<&str>) -> (Option<String>, Option<String>) {
    (draft.map(str::to_owned), main.map(str::to_owned))
}

/// URLs live as long as drafts: no upload of a test is too late on a busy machine.
fn policy(lifetime: u64) -> Policy {
    let lifetime = Duration::from_secs(lifetime);
    Policy::new(lifetime, lifetime, lifetime, Duration::ZERO).expect("a policy")
}
