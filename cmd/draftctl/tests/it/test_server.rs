//! A server for one test: gRPC on a free port, and an embedded store behind a fault proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use draftstore_auth::Authenticator;
use draftstore_connections::{ConnectionLimits, Connections, Ending, Handler};
use draftstore_controller::{Api, Cors, Gate, GateConfig, Readiness, grpc};
use draftstore_service::draft::CheckLimits;
use draftstore_service::{AllowedOrigins, Buckets, Clock, Drafts, Policy, Store};
use draftstore_storage::Operation;
use draftstore_testing::proxy::{FaultProxy, Request};
use draftstore_testing::{TestBuckets, connect, settings};
use tokio::net::TcpListener;

/// The buckets, the proxy and the server of a test, stopped on drop.
pub(crate) struct TestServer {
    pub(crate) world: TestBuckets,
    /// The proxy in front of the store, for the server and its clients.
    pub(crate) proxy: FaultProxy,
    pub(crate) clock: Arc<LateClock>,
    /// The URL of the server.
    pub(crate) url: String,
}

/// The system clock, or one that is two hours behind, so that the URLs it signs have already expired.
#[derive(Debug, Default)]
pub(crate) struct LateClock(AtomicBool);

impl LateClock {
    pub(crate) fn set_late(&self, late: bool) {
        self.0.store(late, Ordering::SeqCst);
    }
}

impl Clock for LateClock {
    fn now(&self) -> SystemTime {
        let late = if self.0.load(Ordering::SeqCst) { 7200 } else { 0 };
        SystemTime::now() - Duration::from_secs(late)
    }
}

impl TestServer {
    /// Starts a server without authentication.
    pub(crate) async fn start() -> Self {
        Self::with_authenticator(Authenticator::none()).await
    }

    /// Starts a server without authentication that keeps events in the feed.
    pub(crate) async fn feeding() -> Self {
        Self::with(Authenticator::none(), Drafts::with_feed).await
    }

    /// Starts a server with this authentication.
    pub(crate) async fn with_authenticator(authenticator: Authenticator) -> Self {
        Self::with(authenticator, |drafts| drafts).await
    }

    async fn with(authenticator: Authenticator, configure: impl FnOnce(Drafts) -> Drafts) -> Self {
        let world = TestBuckets::embedded().await;
        let proxy = FaultProxy::start(&world.endpoint);
        let clock = Arc::new(LateClock::default());
        let buckets = Buckets::new(world.draft.clone(), world.main.clone());
        // The probe bypasses the proxy, so that the proxy's log contains only requests of the test.
        let probed = Store::new(Arc::clone(&world.storage), buckets.clone());
        probed.probe().await.expect("probed");
        let through_proxy = Arc::new(connect(settings(&proxy.endpoint())).await);
        let store = Store::new(through_proxy, buckets).with_profile(probed.profile);
        let hour = Duration::from_secs(3600);
        let policy = Policy::new(hour, hour, 24 * hour, hour).expect("a policy");
        let readiness = Readiness::new(store.profile.clone());
        // A check that has no scanner is given up soon, and while the call still waits.
        let limits = CheckLimits {
            wait: hour,
            timeout: Duration::from_millis(200),
            ..CheckLimits::default()
        };
        let drafts = Drafts::new(store, policy, AllowedOrigins::default(), clock.clone()).with_check_limits(limits);
        let drafts = configure(drafts);
        let gate = Gate::new(authenticator, GateConfig::default());
        let service = grpc::service(Api::new(drafts, gate.clone()), gate, readiness, false);
        let service = service.await.expect("descriptors");
        let handler = Handler::new(grpc::handler(service, &Cors::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let connections = Connections::new(ConnectionLimits::default(), None);
        tokio::spawn(connections.serve(listener, handler, Ending::default()));
        Self {
            world,
            proxy,
            clock,
            url,
        }
    }

    /// Returns the numbers of the completely sent parts in order, starting at request `since` of the log.
    pub(crate) fn parts_sent(&self, since: usize) -> Vec<u32> {
        let requests = self.proxy.requests();
        let sent = requests[since..]
            .iter()
            .filter(|request| request.operation == Operation::UploadPart);
        sent.filter_map(|request| request.part).collect()
    }

    /// Like [`Self::parts_sent`], but sorted, because parts are sent concurrently.
    pub(crate) fn parts_sent_sorted(&self, since: usize) -> Vec<u32> {
        let mut parts = self.parts_sent(since);
        parts.sort_unstable();
        parts
    }

    /// Returns the current length of the log.
    pub(crate) fn mark(&self) -> usize {
        self.proxy.requests().len()
    }

    /// Returns all requests of this operation.
    pub(crate) fn requests_of(&self, operation: Operation) -> Vec<Request> {
        let requests = self.proxy.requests().into_iter();
        requests.filter(|request| request.operation == operation).collect()
    }
}
