//! The service and the cleaner on a store with injected faults.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use draftstore_service::cleaner::{Brakes, Mode};
use draftstore_service::draft::{ConfirmLimits, ConfirmUpload, Confirmed};
use draftstore_service::{
    AllowedOrigins, Buckets, Cleaner, Clock, Drafts, Error, Policy, Secrets, Store, StoreProfile,
};
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
    /// Starts a system on its own embedded store, which honours every condition.
    pub(crate) async fn start() -> Self {
        Ground::strong().await.system().await
    }

    /// Creates a system whose store honours some conditions, and whose server knows of some.
    pub(crate) fn new(world: TestBuckets, honoured: Capabilities, known: Capabilities) -> Self {
        let world = Arc::new(world);
        let store = Arc::new(Faulty::new(Arc::clone(&world.storage), honoured));
        let buckets = Buckets::new(world.draft.clone(), world.main.clone());
        let clock = Arc::new(ManualClock::at(SystemTime::now()));
        let installed = Store::new(store.clone(), buckets).with_profile(StoreProfile::known(known));
        let drafts = server(installed.clone(), policy(3600), clock.clone());
        Self {
            world,
            store,
            clock,
            installed,
            drafts,
        }
    }

    /// Returns a second server on the same buckets, which does not share the locks of the first.
    pub(crate) fn other_server(&self) -> Drafts {
        server(self.installed.clone(), policy(3600), self.clock.clone())
    }

    /// Returns a server on the same buckets with another clock.
    pub(crate) fn server_by(&self, clock: Arc<ManualClock>) -> Drafts {
        server(self.installed.clone(), policy(3600), clock)
    }

    /// Returns a server that has not probed the store yet.
    pub(crate) fn unprobed(&self) -> Drafts {
        let store = self.installed.clone().with_profile(StoreProfile::default());
        server(store, policy(3600), self.clock.clone())
    }

    /// Returns the store of the installation.
    pub(crate) fn installed(&self) -> Store {
        self.installed.clone()
    }

    /// Returns `true` if the store is known to honour a condition.
    pub(crate) fn honours(&self, condition: Condition) -> bool {
        self.installed.profile.capabilities().honours(condition)
    }

    /// Returns the call that copies a small draft to main.
    pub(crate) fn copying(&self) -> Operation {
        if self.honours(Condition::CopySource) {
            Operation::CopyObject
        } else {
            Operation::UploadPartCopy
        }
    }

    /// Returns the call that deletes a confirmed draft.
    pub(crate) fn deleting(&self) -> Operation {
        if self.honours(Condition::Delete) && self.honours(Condition::DeleteMany) {
            Operation::DeleteObjects
        } else {
            Operation::DeleteObject
        }
    }

    /// Returns the call by which a sweep deletes named drafts.
    pub(crate) fn sweeping(&self) -> Operation {
        if self.honours(Condition::Delete) && !self.honours(Condition::DeleteMany) {
            Operation::DeleteObject
        } else {
            Operation::DeleteObjects
        }
    }

    /// Returns the number of copies of drafts.
    pub(crate) fn copies(&self) -> usize {
        let calls = self.store.calls().into_iter();
        calls.filter(|(call, _)| *call == self.copying()).count()
    }

    /// Makes URLs valid for the lifetime of a draft.
    pub(crate) fn with_long_urls(mut self) -> Self {
        let hour = Duration::from_secs(3600);
        let policy = Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy");
        self.drafts = server(self.installed.clone(), policy, self.clock.clone());
        self
    }

    /// Completes uploads that are idle for this time.
    pub(crate) fn completing(mut self, idle_after: Duration) -> Self {
        self.drafts = self.completing_server(idle_after);
        self
    }

    /// Returns a server on the same buckets that completes uploads that are idle for this time.
    pub(crate) fn completing_server(&self, idle_after: Duration) -> Drafts {
        server(self.installed.clone(), completing(idle_after), self.clock.clone())
    }

    /// Returns a cleaner that completes uploads that are idle for this time.
    pub(crate) fn completing_cleaner(&self, idle_after: Duration) -> Cleaner {
        let brakes = Brakes::default();
        Cleaner::new(
            self.installed.clone(),
            completing(idle_after),
            brakes,
            self.clock.clone(),
        )
    }

    /// Sets the limits of confirms.
    pub(crate) fn limited(mut self, limits: ConfirmLimits) -> Self {
        self.drafts = self.drafts.with_confirm_limits(limits);
        self
    }

    /// Returns a cleaner with a lifetime of drafts in seconds.
    pub(crate) fn cleaner(&self, lifetime: u64) -> Cleaner {
        self.cleaner_with(lifetime, Brakes::default())
    }

    /// Returns a cleaner with a lifetime of drafts in seconds, and brakes.
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

    /// Returns the bytes in draft and in main under a name, after the drafts of all confirms were deleted.
    pub(crate) async fn state(&self, name: &str) -> (Option<String>, Option<String>) {
        self.drafts.drain().await;
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).expect("text"));
        let key = key(name);
        (
            text(self.world.draft_bytes(&key).await),
            text(self.world.main_bytes(&key).await),
        )
    }

    /// Returns a future that uploads a draft again, as a client does.
    pub(crate) fn upload_again(&self, name: &'static str, bytes: &str) -> impl Future<Output = ()> + Send + use<> {
        let (world, bytes) = (Arc::clone(&self.world), bytes.to_owned());
        async move {
            world.upload(&key(name), bytes).await;
        }
    }
}

/// The clock of the service, and of the cleaner if the store sends no date. Starts at the real time, and then stands
/// still.
#[derive(Debug)]
pub(crate) struct ManualClock(Mutex<SystemTime>);

impl ManualClock {
    /// Creates a clock with this time.
    pub(crate) fn at(time: SystemTime) -> Self {
        Self(Mutex::new(time))
    }

    /// Returns the time of the clock.
    pub(crate) fn time(&self) -> SystemTime {
        *self.0.lock().expect("not poisoned")
    }

    /// Sets the clock to the real time.
    pub(crate) fn catch_up(&self) {
        *self.0.lock().expect("not poisoned") = SystemTime::now();
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().expect("not poisoned") += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.time()
    }
}

/// Waits until a dry run of the cleaner finds a number of expired drafts, by the store's clock.
pub(crate) async fn expire(cleaner: &Cleaner, expired: u64) {
    let begun = Instant::now();
    while cleaner.sweep(Mode::DryRun, &mut |_| {}).await.expect("listed").expired < expired {
        assert!(begun.elapsed().as_secs() < 20, "nothing has expired");
    }
}

/// Returns the ID of a unique draft that expires at a time in seconds since the epoch, and its key under `file.jpg`.
pub(crate) fn unique(expires_at: u64, n: u128) -> (String, String) {
    let id = ulid::Ulid::from_parts(expires_at * 1000, n << 8).to_string();
    let key = format!(".drafts/00/{id}/file.jpg");
    (id, key)
}

pub(crate) const LONG_AGO: u64 = 1_600_000_000;
pub(crate) const FAR_AHEAD: u64 = 4_000_000_000;

/// Creates the expected bytes in draft and in main.
pub(crate) fn state(draft: Option<&str>, main: Option<&str>) -> (Option<String>, Option<String>) {
    (draft.map(str::to_owned), main.map(str::to_owned))
}

/// Returns a policy with URLs that are valid as long as drafts live, so that no upload expires on a busy machine.
fn policy(lifetime: u64) -> Policy {
    let lifetime = Duration::from_secs(lifetime);
    Policy::new(lifetime, lifetime, lifetime, Duration::ZERO).expect("a policy")
}

fn completing(idle_after: Duration) -> Policy {
    let completing = policy(3600).completing_idle_after(Some(idle_after));
    completing.expect("shorter than the lifetime")
}

/// Returns a server of the installation, which has the secrets of all others.
fn server(store: Store, policy: Policy, clock: Arc<ManualClock>) -> Drafts {
    let drafts = Drafts::new(store, policy, AllowedOrigins::default(), clock);
    drafts.with_secrets(Arc::new(Secrets::new(b"a secret of the tests", [[0; 0]; 0])))
}
