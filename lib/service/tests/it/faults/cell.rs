//! A cell of the matrix, with its own buckets, its own proxy, and a client that calls the store through the proxy.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_s3::{S3Storage, Settings, Timeouts};
use draftstore_service::cleaner::{Brakes, Mode};
use draftstore_service::{
    AllowedOrigins, Buckets, Cleaner, Clock, Drafts, Policy, Secrets, Store, StoreProfile, SystemClock,
};
use draftstore_storage::{
    Attributes, BucketName, Capabilities, DraftBucket, ListObjects, ListUploads, PresignedRequest, PutDraft,
};
use draftstore_testing::proxy::{FaultProxy, InjectedFault, RequestFilter, RequestRange};
use draftstore_testing::{SignedRequest, TestBuckets, bucket, connect, get, key, settings};
use futures::stream::{self, StreamExt as _};

/// The number of concurrent cells. A cell mostly waits for the delays between the client's attempts.
const SIDE_BY_SIDE: usize = 48;

/// Timeouts that are long enough for a busy machine, and short enough for three attempts.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    attempt: Duration::from_secs(2),
    call: Duration::from_secs(20),
    copy: Duration::from_secs(2),
};

/// The bytes of every draft.
pub(super) const BYTES: &[u8] = b"the bytes of the draft";

/// A fault, the requests that it affects, and the expected outcome.
#[derive(Debug)]
pub(super) struct Case<C, E> {
    pub(super) call: C,
    pub(super) fault: InjectedFault,
    pub(super) column: &'static str,
    pub(super) target: fn(&Buckets) -> RequestFilter,
    pub(super) requests: RequestRange,
    pub(super) expected: E,
}

/// A clock at which everything has expired.
#[derive(Debug)]
struct MuchLater;

impl Clock for MuchLater {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(10 * 86_400)
    }
}

/// A cell with its own buckets on the common store.
pub(super) struct Cell {
    world: Arc<TestBuckets>,
    proxy: FaultProxy,
    pub(super) buckets: Buckets,
    storage: Arc<S3Storage>,
}

/// Runs all cases. Returns a line for each unexpected outcome.
pub(super) async fn run_all<C, E, F>(prefix: &str, cases: Vec<Case<C, E>>, run: impl Fn(Cell, C) -> F) -> Vec<String>
where
    C: Copy + Display,
    E: Copy + PartialEq + Debug,
    F: Future<Output = Result<E, String>>,
{
    let world = Arc::new(TestBuckets::embedded().await);
    let running = cases.into_iter().enumerate().map(|(n, case)| {
        let (world, run) = (Arc::clone(&world), &run);
        async move {
            let cell = Cell::start(world, &format!("{prefix}-{n}")).await;
            let Case {
                call,
                fault,
                column,
                expected,
                target,
                requests,
            } = case;
            cell.proxy.plan(target(&cell.buckets), requests, fault);
            let wrong = match run(cell, call).await {
                Ok(found) if found == expected => return None,
                Ok(found) => format!("{found:?} instead of {expected:?}"),
                Err(wrong) => wrong,
            };
            Some(format!("{call}, {fault:?} at {column}: {wrong}"))
        }
    });
    let wrong = stream::iter(running).buffer_unordered(SIDE_BY_SIDE);
    wrong.filter_map(async |wrong| wrong).collect().await
}

impl Cell {
    async fn start(world: Arc<TestBuckets>, name: &str) -> Self {
        let (draft, main) = DraftBucket::pair(bucket(&format!("{name}-draft")), bucket(name)).expect("they differ");
        for bucket in [draft.name(), main.name()] {
            world.storage.create_bucket(bucket).await.expect("a bucket can be made");
        }
        let proxy = FaultProxy::start(&world.endpoint);
        let settings = Settings {
            timeouts: TIMEOUTS,
            // The requests of clients do not go through the proxy.
            public_endpoint: Some(world.endpoint.url.clone()),
            ..settings(&proxy.endpoint())
        };
        Self {
            storage: Arc::new(connect(settings).await),
            buckets: Buckets::new(draft, main),
            world,
            proxy,
        }
    }

    /// Returns a service that calls the store through the proxy.
    pub(super) fn drafts(&self) -> Drafts {
        let origins = AllowedOrigins::default();
        let clock = Arc::new(SystemClock);
        let secrets = Secrets::new(b"a secret of the tests", [[0; 0]; 0]);
        Drafts::new(self.store(), policy(), origins, clock).with_secrets(Arc::new(secrets))
    }

    /// Returns a cleaner that calls the store through the proxy.
    pub(super) fn cleaner(&self) -> Cleaner {
        Cleaner::new(self.store(), policy(), Brakes::default(), Arc::new(SystemClock))
    }

    /// Sweeps at a time at which everything has expired.
    pub(super) async fn sweep_much_later(&self) -> Result<(), String> {
        self.proxy.hide_clock();
        let cleaner = Cleaner::new(self.store(), policy(), Brakes::default(), Arc::new(MuchLater));
        match cleaner.sweep(Mode::Delete, &mut |_| {}).await {
            Ok(swept) if swept.failed == 0 => Ok(()),
            other => Err(format!("the sweep fails: {other:?}")),
        }
    }

    /// Returns the store with the capabilities of a probe.
    fn store(&self) -> Store {
        let known = StoreProfile::known(Capabilities::ALL);
        Store::new(self.storage.clone(), self.buckets.clone()).with_profile(known)
    }

    /// Ends the fault. Fails if the fault was never injected, because the cell then tests nothing.
    pub(super) fn heal(&self) -> Result<(), String> {
        if self.proxy.struck() == 0 {
            return Err("the fault has met no request".to_owned());
        }
        self.proxy.heal();
        Ok(())
    }

    pub(super) async fn put_draft(&self, name: &str) {
        let put = PutDraft {
            bucket: &self.buckets.draft,
            key: &key(name),
            bytes: BYTES,
            attributes: Attributes::NONE,
            if_absent: false,
        };
        self.world.storage.put_draft(&put).await.expect("a draft can be put");
    }

    pub(super) async fn put_main(&self, name: &str, bytes: &[u8]) {
        let put = self.world.sdk().put_object().bucket(self.buckets.main.name().as_str());
        let put = put.key(name).body(bytes.to_vec().into());
        put.send().await.expect("an object can be put");
    }

    pub(super) async fn begin_upload(&self, name: &str) {
        self.world.begin_upload_in(self.buckets.draft.name(), name).await;
    }

    /// Sends a request that the service has signed.
    pub(super) async fn send(&self, signed: PresignedRequest, bytes: &'static [u8]) {
        let answer = self.world.send(&SignedRequest::from(signed), bytes).await;
        assert_eq!(answer.status(), 200);
    }

    pub(super) async fn draft_bytes(&self, name: &str) -> Vec<u8> {
        let signed = self.world.sign_get(&get(self.buckets.draft.name(), &key(name))).await;
        let answer = self.world.send(&signed, "").await;
        answer.bytes().await.expect("the whole object").to_vec()
    }

    pub(super) async fn draft_keys(&self) -> Vec<String> {
        self.keys(self.buckets.draft.name()).await
    }

    pub(super) async fn main_keys(&self) -> Vec<String> {
        self.keys(self.buckets.main.name()).await
    }

    pub(super) async fn main_bytes(&self, name: &str) -> Vec<u8> {
        let signed = self.world.sign_get(&get(self.buckets.main.name(), &key(name))).await;
        let answer = self.world.send(&signed, "").await;
        answer.bytes().await.expect("the whole object").to_vec()
    }

    pub(super) async fn uploads(&self, bucket: &BucketName) -> Vec<String> {
        let page = self.world.storage.list_uploads(bucket, &ListUploads::default()).await;
        let uploads = page.expect("uploads can be listed").uploads;
        uploads.into_iter().map(|upload| upload.key.to_string()).collect()
    }

    pub(super) async fn main_uploads(&self) -> Vec<String> {
        self.uploads(self.buckets.main.name()).await
    }

    async fn keys(&self, bucket: &BucketName) -> Vec<String> {
        let page = self.world.storage.list(bucket, &ListObjects::default()).await;
        let objects = page.expect("the bucket can be listed").objects;
        objects.into_iter().map(|object| object.key.to_string()).collect()
    }
}

fn policy() -> Policy {
    let hour = Duration::from_secs(3600);
    Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy")
}
