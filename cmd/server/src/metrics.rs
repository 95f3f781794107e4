//! The metrics of the server: requests, connections, URLs, confirms, calls to the store, and readiness.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_connections::Traffic;
use draftstore_controller::{Readiness, audit_auto_confirm, audit_given_up};
use draftstore_s3::{CredentialsLeft, S3Storage};
use draftstore_service::draft::ChecksInProgress;
use draftstore_service::{
    AutoConfirmed, CheckOutcome, CheckPart, ConfirmEnded, ConfirmOutcome, DeliveryOutcome, EventGivenUp, Observer,
    RemovalOutcome, StoreProfile, UrlKind,
};
use draftstore_storage::Condition;
use draftstore_telemetry::metrics::{Metrics, StoreCalls};
use prometheus::{Gauge, GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::ports::LABELS;

/// The labels of conditions, in the order of [`Condition::ALL`].
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
    "part_source_key",
    "copy_md5",
    "list_parts",
];

/// The metrics of a server.
#[derive(Debug)]
pub(crate) struct ServerMetrics {
    metrics: Metrics,
    pub(crate) store_calls: Arc<StoreCalls>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) drafts: Arc<DraftMetrics>,
    store: StoreMetrics,
}

impl ServerMetrics {
    /// Creates the metrics, all zero. With `audit`, drafts that confirm themselves are written to the audit.
    pub(crate) fn new(audit: bool) -> Self {
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
        metrics.add_process();
        Self {
            store_calls: Arc::new(StoreCalls::new(&metrics)),
            traffic: Arc::new(Traffic::new(&metrics, &LABELS)),
            drafts: Arc::new(DraftMetrics::new(&metrics, audit)),
            store: StoreMetrics::new(&metrics),
            metrics,
        }
    }

    /// Registers the counter of lines that the audit lacks.
    pub(crate) fn audit_failures(&self) -> IntCounter {
        self.metrics.counter(
            "draftstore_audit_failures_total",
            "Lines of the audit that could not be written",
        )
    }

    /// Returns the registry, for further metrics.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the current values in Prometheus' text format.
    pub(crate) fn text(&self, readiness: &Readiness, storage: &S3Storage, checks: ChecksInProgress) -> String {
        self.store.update(readiness, storage);
        self.drafts.update(checks);
        self.metrics.text()
    }
}

/// The metrics of URLs and confirms.
#[derive(Debug)]
pub(crate) struct DraftMetrics {
    issued: IntCounterVec,
    confirms: IntCounterVec,
    bytes: IntCounter,
    removed: IntCounterVec,
    checks: IntCounterVec,
    check_parts: HistogramVec,
    checked_drafts: IntGauge,
    waiting_checks: IntGauge,
    completed: IntCounter,
    auto_confirms: IntCounterVec,
    /// Writes drafts that confirm themselves to the audit.
    audit: bool,
    deliveries: IntCounterVec,
    oldest_pending: Gauge,
}

impl DraftMetrics {
    fn new(metrics: &Metrics, audit: bool) -> Self {
        let drafts = Self {
            audit,
            issued: metrics.counters(
                "draftstore_urls_issued_total",
                "Presigned URLs and forms issued",
                &["kind"],
            ),
            confirms: metrics.counters("draftstore_confirms_total", "Confirms that finished", &["outcome"]),
            bytes: metrics.counter("draftstore_confirmed_bytes_total", "Bytes copied to main"),
            removed: metrics.counters(
                "draftstore_confirmed_drafts_total",
                "Drafts deleted after their confirm, or left to the sweep",
                &["outcome"],
            ),
            checks: metrics.counters("draftstore_checks_total", "Checks of drafts that ended", &["outcome"]),
            check_parts: metrics.durations(
                "draftstore_check_duration_seconds",
                "Duration of the parts of checks, with the wait for a slot of a scanner",
                &["check"],
            ),
            checked_drafts: metrics.gauge("draftstore_checks_in_progress", "Drafts that are being checked"),
            waiting_checks: metrics.gauge(
                "draftstore_checks_waiting",
                "Reads and scans of drafts that wait for a slot",
            ),
            auto_confirms: metrics.counters(
                "draftstore_auto_confirms_total",
                "Drafts that confirmed themselves, or could not",
                &["outcome"],
            ),
            completed: metrics.counter(
                "draftstore_idle_uploads_completed_total",
                "Uploads in parts that calls completed because their clients were gone",
            ),
            deliveries: metrics.counters(
                "draftstore_event_deliveries_total",
                "Attempts to deliver events to endpoints, and events written down to be sent later",
                &["outcome"],
            ),
            oldest_pending: metrics.seconds(
                "draftstore_event_oldest_pending_seconds",
                "Age of the oldest event that an endpoint has not acknowledged",
            ),
        };
        for kind in UrlKind::NAMES {
            drafts.issued.with_label_values(&[kind]);
        }
        for outcome in ConfirmOutcome::NAMES {
            drafts.confirms.with_label_values(&[outcome]);
            drafts.auto_confirms.with_label_values(&[outcome]);
        }
        for outcome in RemovalOutcome::NAMES {
            drafts.removed.with_label_values(&[outcome]);
        }
        for outcome in CheckOutcome::NAMES {
            drafts.checks.with_label_values(&[outcome]);
        }
        for part in CheckPart::NAMES {
            drafts.check_parts.with_label_values(&[part]);
        }
        for outcome in DeliveryOutcome::NAMES {
            drafts.deliveries.with_label_values(&[outcome]);
        }
        drafts
    }

    fn update(&self, checks: ChecksInProgress) {
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.checked_drafts.set(gauge(checks.drafts));
        self.waiting_checks.set(gauge(checks.waiting));
    }
}

impl Observer for DraftMetrics {
    fn issued(&self, kind: UrlKind, count: usize) {
        self.issued.with_label_values(&[kind.as_str()]).inc_by(count as u64);
    }

    fn confirmed(&self, ended: ConfirmEnded) {
        self.confirms.with_label_values(&[ended.outcome.as_str()]).inc();
        self.bytes.inc_by(ended.bytes);
    }

    fn removed(&self, outcome: RemovalOutcome, drafts: usize) {
        self.removed
            .with_label_values(&[outcome.as_str()])
            .inc_by(drafts as u64);
    }

    fn auto_confirmed(&self, confirm: AutoConfirmed) {
        let outcome = confirm
            .result
            .as_ref()
            .map_or_else(ConfirmOutcome::of, |()| ConfirmOutcome::Kept);
        self.auto_confirms.with_label_values(&[outcome.as_str()]).inc();
        if self.audit {
            audit_auto_confirm(confirm);
        }
    }

    fn completed(&self) {
        self.completed.inc();
    }

    fn checked(&self, outcome: CheckOutcome) {
        self.checks.with_label_values(&[outcome.as_str()]).inc();
    }

    fn check_part_ended(&self, part: CheckPart, took: Duration) {
        let durations = self.check_parts.with_label_values(&[part.as_str()]);
        durations.observe(took.as_secs_f64());
    }

    fn delivered(&self, outcome: DeliveryOutcome) {
        self.deliveries.with_label_values(&[outcome.as_str()]).inc();
    }

    fn given_up(&self, event: EventGivenUp) {
        if self.audit {
            audit_given_up(event);
        }
    }

    fn pending(&self, oldest: Option<Duration>) {
        self.oldest_pending.set(oldest.unwrap_or_default().as_secs_f64());
    }
}

/// The metrics of the store, the credentials and readiness, which are updated for each scrape.
#[derive(Debug)]
struct StoreMetrics {
    known: IntGauge,
    honoured: IntGaugeVec,
    credentials: GaugeVec,
    ready: IntGauge,
}

impl StoreMetrics {
    fn new(metrics: &Metrics) -> Self {
        Self {
            known: metrics.gauge(
                "draftstore_store_profile_known",
                "1 if the conditions that the store enforces are known",
            ),
            honoured: metrics.gauges(
                "draftstore_store_condition_honoured",
                "1 if the store is known to enforce the condition",
                &["condition"],
            ),
            credentials: metrics.seconds_by(
                "draftstore_credentials_seconds_left",
                "Seconds until this server's credentials expire",
                &["credentials"],
            ),
            ready: metrics.gauge("draftstore_ready", "1 if the server is ready for requests"),
        }
    }

    fn update(&self, readiness: &Readiness, storage: &S3Storage) {
        let profile: &StoreProfile = readiness.profile();
        self.known.set(profile.probed().is_some().into());
        let capabilities = profile.capabilities();
        for (condition, name) in Condition::ALL.into_iter().zip(CONDITIONS) {
            let honoured = self.honoured.with_label_values(&[name]);
            honoured.set(capabilities.honours(condition).into());
        }
        let CredentialsLeft { calls, uploads } = storage.credentials_left(SystemTime::now());
        for (name, left) in [("calls", calls), ("uploads", uploads)] {
            self.credentials.with_label_values(&[name]).set(left.as_secs());
        }
        self.ready.set(readiness.is_ready().into());
    }
}
