//! Metrics of the last sweep.

use std::time::{SystemTime, UNIX_EPOCH};

use draftstore_service::cleaner::{Brake, Summary, TransitionsSwept};
use draftstore_service::draft::Stage;
use draftstore_service::usage_counter::Census;
use draftstore_telemetry::metrics::Metrics;
use prometheus::{Gauge, IntGauge, IntGaugeVec};

/// The metric that outlives a process: the end of the last sweep that left nothing behind.
pub const LAST_SUCCESS: &str = "draftstore_sweep_last_success_timestamp_seconds";

/// The brakes, and their names.
const BRAKES: [(Brake, &str); 2] = [
    (Brake::MaxDelete, "max_delete"),
    (Brake::MaxDeleteFraction, "max_delete_fraction"),
];

/// The labels of the metrics of a count. The names of tenants are not among them, because there may be many.
const USAGE_LABELS: [&str; 2] = ["stage", "storage_class"];

/// The metrics of the last sweep, in the cleaner and in a server that sweeps.
#[derive(Debug)]
pub struct SweepMetrics {
    scanned: IntGauge,
    expired: IntGauge,
    deleted: IntGauge,
    completed: IntGauge,
    failed: IntGauge,
    bytes: IntGauge,
    moved: IntGauge,
    moves_failed: IntGauge,
    took: Gauge,
    success: IntGauge,
    brakes: [(Brake, IntGauge); 2],
    last_run: Gauge,
    last_success: Gauge,
    objects: IntGaugeVec,
    object_bytes: IntGaugeVec,
    counted: Gauge,
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
        let sweeps = Self {
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
            moved: gauge(
                "draftstore_sweep_moved",
                "Objects that were moved to another storage class",
            ),
            moves_failed: gauge(
                "draftstore_sweep_moves_failed",
                "Objects that could not be moved to another storage class",
            ),
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
            objects: metrics.gauges(
                "draftstore_usage_objects",
                "Objects that the last count found",
                &USAGE_LABELS,
            ),
            object_bytes: metrics.gauges("draftstore_usage_bytes", "Size of these objects", &USAGE_LABELS),
            counted: metrics.seconds(
                "draftstore_usage_counted_timestamp_seconds",
                "Time at which the last whole count began",
            ),
        };
        sweeps.reset_usage();
        sweeps
    }

    /// Sets the figures of a count to those of empty buckets.
    fn reset_usage(&self) {
        for gauges in [&self.objects, &self.object_bytes] {
            gauges.reset();
            for stage in ["draft", "main"] {
                gauges.with_label_values(&[stage, "STANDARD"]).set(0);
            }
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

    /// Records the moves of objects to other storage classes.
    pub fn moved(&self, swept: &TransitionsSwept) {
        let set = |gauge: &IntGauge, number: u64| gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        set(&self.moved, swept.moved);
        set(&self.moves_failed, swept.failed);
    }

    /// Records a whole count of the objects of all buckets.
    pub fn counted(&self, census: &Census) {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.reset_usage();
        for (group, usage) in census.counts.groups() {
            let stage = match group.stage {
                Stage::Draft => "draft",
                Stage::Main => "main",
            };
            let labels = [stage, group.storage_class.as_deref().unwrap_or("unknown")];
            self.objects.with_label_values(&labels).add(number(usage.objects));
            self.object_bytes.with_label_values(&labels).add(number(usage.bytes));
        }
        let began = census.began_at().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.counted.set(began.as_secs_f64());
    }

    /// Records the time of the last success of another process, in Unix seconds.
    pub fn succeeded_at(&self, seconds: f64) {
        self.last_success.set(seconds);
    }
}
