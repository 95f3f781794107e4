//! Metrics of the last sweep.

use std::time::{SystemTime, UNIX_EPOCH};

use draftstore_service::cleaner::{Brake, Summary};
use draftstore_telemetry::metrics::Metrics;
use prometheus::{Gauge, IntGauge};

/// The metric that outlives a process: the end of the last sweep that left nothing behind.
pub const LAST_SUCCESS: &str = "draftstore_sweep_last_success_timestamp_seconds";

/// The brakes, and their names.
const BRAKES: [(Brake, &str); 2] = [
    (Brake::MaxDelete, "max_delete"),
    (Brake::MaxDeleteFraction, "max_delete_fraction"),
];

/// The metrics of the last sweep, in the cleaner and in a server that sweeps.
#[derive(Debug)]
pub struct SweepMetrics {
    scanned: IntGauge,
    expired: IntGauge,
    deleted: IntGauge,
    completed: IntGauge,
    failed: IntGauge,
    bytes: IntGauge,
    took: Gauge,
    success: IntGauge,
    brakes: [(Brake, IntGauge); 2],
    last_run: Gauge,
    last_success: Gauge,
}

impl SweepMetrics {
    /// Registers the metrics. Call it once per process.
    pub fn new(metrics: &Metrics) -> Self {
        let gauge = |name, help| metrics.gauge(name, help);
        let brakes = metrics.gauges(
            "draftstore_sweep_brake",
            "1 for the brake that stopped the sweep",
            &["brake"],
        );
        Self {
            scanned: gauge("draftstore_sweep_scanned", "Drafts and uploads that were listed"),
            expired: gauge("draftstore_sweep_expired", "Drafts and uploads that had expired"),
            deleted: gauge("draftstore_sweep_deleted", "Drafts and uploads that were removed"),
            completed: gauge(
                "draftstore_sweep_completed",
                "Uploads that were completed because their clients were gone",
            ),
            failed: gauge(
                "draftstore_sweep_failed",
                "Expired drafts and uploads that could not be removed, and uploads that could not be completed",
            ),
            bytes: gauge("draftstore_sweep_deleted_bytes", "Size of the drafts removed"),
            took: metrics.seconds("draftstore_sweep_duration_seconds", "Duration of the sweep"),
            success: gauge(
                "draftstore_sweep_success",
                "1 if the sweep removed everything that had expired",
            ),
            brakes: BRAKES.map(|(brake, name)| (brake, brakes.with_label_values(&[name]))),
            last_run: metrics.seconds(
                "draftstore_sweep_last_run_timestamp_seconds",
                "Time at which the last sweep ended",
            ),
            last_success: metrics.seconds(LAST_SUCCESS, "Time at which the last successful sweep ended"),
        }
    }

    /// Records a sweep that ended at `now`. `went_through` is true if it reached the end of the bucket.
    pub fn ended(&self, summary: &Summary, went_through: bool, now: SystemTime) {
        let set = |gauge: &IntGauge, number: u64| gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        set(&self.scanned, summary.scanned);
        set(&self.expired, summary.expired);
        set(&self.deleted, summary.deleted);
        set(&self.completed, summary.completed);
        set(&self.failed, summary.failed);
        set(&self.bytes, summary.bytes);
        self.took.set(summary.elapsed.as_secs_f64());
        for (brake, gauge) in &self.brakes {
            gauge.set((summary.brake == Some(*brake)).into());
        }
        let success = went_through && summary.failed == 0 && summary.brake.is_none();
        self.success.set(success.into());
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        self.last_run.set(now);
        if success {
            self.last_success.set(now);
        }
    }

    /// Records the time of the last success of another process, in Unix seconds.
    pub fn succeeded_at(&self, seconds: f64) {
        self.last_success.set(seconds);
    }
}
