//! Metrics of calls to the store.

use draftstore_storage::{CallEnded, CallObserver};
use prometheus::{HistogramVec, IntCounterVec};

use super::Metrics;

/// Counts and times the calls to the store.
#[derive(Debug)]
pub struct StoreCalls {
    calls: IntCounterVec,
    took: HistogramVec,
    retries: IntCounterVec,
}

impl StoreCalls {
    /// Registers the metrics. Call it once per process.
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            calls: metrics.counters(
                "draftstore_store_calls_total",
                "Calls to the store, each including its retries",
                &["operation", "outcome"],
            ),
            took: metrics.durations(
                "draftstore_store_call_duration_seconds",
                "Duration of calls to the store, including retries and the pauses between them",
                &["operation"],
            ),
            retries: metrics.counters(
                "draftstore_store_retries_total",
                "Retries of calls to the store",
                &["operation"],
            ),
        }
    }
}

impl CallObserver for StoreCalls {
    fn ended(&self, ended: &CallEnded) {
        let operation = ended.operation.as_str();
        self.calls.with_label_values(&[operation, ended.outcome.as_str()]).inc();
        let took = self.took.with_label_values(&[operation]);
        took.observe(ended.took.as_secs_f64());
        let retries = self.retries.with_label_values(&[operation]);
        retries.inc_by(ended.attempts.saturating_sub(1).into());
    }
}
