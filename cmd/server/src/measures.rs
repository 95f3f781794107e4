//! What the server measures: requests and connections, URLs and confirms, calls to the store, and how it stands.

use std::sync::Arc;
use std::time::SystemTime;

use draftstore_connections::Traffic;
use draftstore_controller::Readiness;
use draftstore_runtime::metrics::{Metrics, StoreCalls, Table};
use draftstore_s3::{CredentialsLeft, S3Storage};
use draftstore_service::{ConfirmEnded, ConfirmOutcome, Observer, StoreProfile, UrlKind};
use draftstore_storage::Condition;
use prometheus::{Gauge, IntCounter, IntGauge};

use crate::ports::LABELS;

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
            traffic: Arc::new(Traffic::new(&metrics, &LABELS)),
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
                .with_every_series(),
            confirms: metrics
                .counters(
                    "draftstore_confirms_total",
                    "Confirms that ended",
                    [("outcome", ConfirmOutcome::NAMES)],
                )
                .with_every_series(),
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
