//! What the server measures: requests and connections, URLs and confirms, calls to the store, and how it stands.
//!
//! Requests are counted where connections hand them over: what is refused or never ends is among them, and nothing has to be
//! wrapped again.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::http::Response;
use draftstore_controller::Readiness;
use draftstore_controller::measured::{CODES, Limit, Port, Rpc, code_of, limit_of};
use draftstore_runtime::metrics::{Metrics, StoreCalls, Table};
use draftstore_service::{ConfirmEnded, ConfirmOutcome, Observer, StoreProfile, UrlKind};
use draftstore_storage::Condition;
use draftstore_storage::s3::{CredentialsLeft, S3Storage};
use prometheus::{Gauge, Histogram, IntCounter, IntGauge};

/// The place of gRPC's code for what its client did not wait for.
const CANCELLED: usize = 1;

/// The conditions that a store is asked to honour, by name and in the order of [`Condition::ALL`].
const CONDITIONS: [&str; Condition::ALL.len()] = [
    "upload_once",
    "copy_source",
    "copy_to_absent",
    "copy_over",
    "part_source",
    "complete_to_absent",
    "complete_over",
    "delete",
    "delete_many",
];

/// Everything that the server counts by itself.
#[derive(Debug)]
pub(crate) struct Measures {
    metrics: Metrics,
    pub(crate) store_calls: Arc<StoreCalls>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) drafts: Arc<DraftsMade>,
    standing: Standing,
}

impl Measures {
    /// From the start of the process on.
    pub(crate) fn new() -> Self {
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
        metrics.add_process();
        Self {
            store_calls: Arc::new(StoreCalls::new(&metrics)),
            traffic: Arc::new(Traffic::new(&metrics)),
            drafts: Arc::new(DraftsMade::new(&metrics)),
            standing: Standing::new(&metrics),
            metrics,
        }
    }

    /// Where more may be measured.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// All of it, as it stands.
    pub(crate) fn text(&self, readiness: &Readiness, storage: &S3Storage) -> String {
        self.standing.look(readiness, storage);
        self.metrics.text()
    }
}

/// Requests and connections.
#[derive(Debug)]
pub(crate) struct Traffic {
    requests: Table<IntCounter, 3>,
    took: Table<Histogram, 2>,
    in_flight: Table<IntGauge, 1>,
    refusals: Table<IntCounter, 1>,
    connections: IntGauge,
    accepted: IntCounter,
}

impl Traffic {
    fn new(metrics: &Metrics) -> Self {
        let (front, rpc) = (("front", Port::NAMES), ("rpc", Rpc::NAMES));
        let traffic = Self {
            requests: metrics.counters(
                "draftstore_requests_total",
                "Requests answered",
                [front, rpc, ("code", CODES)],
            ),
            took: metrics.durations(
                "draftstore_request_duration_seconds",
                "From the head of a request to the head of its answer",
                [front, rpc],
            ),
            in_flight: metrics
                .gauges("draftstore_requests_in_flight", "Requests being answered", [front])
                .all_there(),
            refusals: metrics
                .counters(
                    "draftstore_refusals_total",
                    "What was refused or cut off because of a limit",
                    [("limit", Limit::NAMES)],
                )
                .all_there(),
            connections: metrics.gauge("draftstore_connections", "Connections that are open"),
            accepted: metrics.counter("draftstore_connections_total", "Connections that were accepted"),
        };
        for (front, rpc) in Port::ALL
            .iter()
            .flat_map(|front| Rpc::ALL.iter().map(move |rpc| (front, rpc)))
        {
            traffic.requests.at([*front as usize, *rpc as usize, 0]);
        }
        traffic
    }

    /// A request has come. It is answered until what is given back is told of the answer, or dropped.
    pub(crate) fn request(self: &Arc<Self>, port: Port, path: &str) -> UnderWay {
        self.in_flight.at([port as usize]).inc();
        UnderWay {
            traffic: Arc::clone(self),
            port,
            rpc: Rpc::of_path(port, path),
            begun: Instant::now(),
            code: CANCELLED,
        }
    }

    /// A connection was accepted. It is open until what is given back is dropped.
    pub(crate) fn connection(self: &Arc<Self>) -> Open {
        self.connections.inc();
        self.accepted.inc();
        Open(Arc::clone(self))
    }

    /// Something was not granted because of this.
    pub(crate) fn refused(&self, limit: Limit) {
        self.refusals.at([limit as usize]).inc();
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct UnderWay {
    traffic: Arc<Traffic>,
    port: Port,
    rpc: Rpc,
    begun: Instant,
    code: usize,
}

impl UnderWay {
    /// It has an answer.
    pub(crate) fn answered<B>(mut self, answer: &Response<B>) {
        self.code = code_of(answer) as usize;
        if let Some(limit) = limit_of(answer) {
            self.traffic.refused(limit);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Traffic {
            requests,
            took,
            in_flight,
            ..
        } = &*self.traffic;
        let (port, rpc) = (self.port as usize, self.rpc as usize);
        in_flight.at([port]).dec();
        requests.at([port, rpc, self.code]).inc();
        took.at([port, rpc]).observe(self.begun.elapsed().as_secs_f64());
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// URLs and confirms.
#[derive(Debug)]
pub(crate) struct DraftsMade {
    issued: Table<IntCounter, 1>,
    confirms: Table<IntCounter, 1>,
    bytes: IntCounter,
}

impl DraftsMade {
    fn new(metrics: &Metrics) -> Self {
        Self {
            issued: metrics
                .counters(
                    "draftstore_urls_issued_total",
                    "Presigned URLs and forms handed out",
                    [("kind", UrlKind::NAMES)],
                )
                .all_there(),
            confirms: metrics
                .counters(
                    "draftstore_confirms_total",
                    "Confirms that ended",
                    [("outcome", ConfirmOutcome::NAMES)],
                )
                .all_there(),
            bytes: metrics.counter("draftstore_confirmed_bytes_total", "Bytes that came into main"),
        }
    }
}

impl Observer for DraftsMade {
    fn issued(&self, kind: UrlKind, count: usize) {
        self.issued.at([kind as usize]).inc_by(count as u64);
    }

    fn confirmed(&self, ended: ConfirmEnded) {
        self.confirms.at([ended.outcome as usize]).inc();
        self.bytes.inc_by(ended.bytes);
    }
}

/// How the server stands: looked at when it is asked for.
#[derive(Debug)]
struct Standing {
    known: IntGauge,
    honoured: Table<IntGauge, 1>,
    credentials: Table<Gauge, 1>,
    ready: IntGauge,
}

impl Standing {
    fn new(metrics: &Metrics) -> Self {
        Self {
            known: metrics.gauge(
                "draftstore_store_profile_known",
                "1 when it is known what the store enforces",
            ),
            honoured: metrics.gauges(
                "draftstore_store_condition_honoured",
                "1 where the store is known to honour the condition",
                [("condition", &CONDITIONS)],
            ),
            credentials: metrics.seconds_by(
                "draftstore_credentials_seconds_left",
                "Until this server's credentials end",
                [("credentials", &["calls", "uploads"])],
            ),
            ready: metrics.gauge("draftstore_ready", "1 while requests may be sent here"),
        }
    }

    fn look(&self, readiness: &Readiness, storage: &S3Storage) {
        let profile: &StoreProfile = readiness.profile();
        self.known.set(profile.probed().is_some().into());
        let capabilities = profile.capabilities();
        for (place, condition) in Condition::ALL.into_iter().enumerate() {
            self.honoured.at([place]).set(capabilities.honours(condition).into());
        }
        let CredentialsLeft { calls, uploads } = storage.credentials_left(SystemTime::now());
        for (place, left) in [calls, uploads].into_iter().enumerate() {
            self.credentials.at([place]).set(left.as_secs());
        }
        self.ready.set(readiness.is_ready().into());
    }
}
