//! Metrics of calls to the store.

use draftstore_storage::{CallEnded, CallObserver, CallOutcome, StoreCall};
use prometheus::{Histogram, IntCounter};

use super::{Metrics, Table};

/// Counts and times the calls to the store.
#[derive(Debug)]
pub struct StoreCalls {
    calls: Table<IntCounter, 2>,
    took: Table<Histogram, 1>,
    retries: Table<IntCounter, 1>,
}

impl StoreCalls {
    /// Registers the metrics. Call it once per process.
    pub fn new(metrics: &Metrics) -> Self {
        let operation = ("operation", StoreCall::NAMES);
        let outcome = ("outcome", CallOutcome::NAMES);
        Self {
            calls: metrics.counters(
                "draftstore_store_calls_total",
                "Calls to the store, each including its retries",
                [operation, outcome],
            ),
            took: metrics.durations(
                "draftstore_store_call_duration_seconds",
                "Duration of calls to the store, including retries and the pauses between them",
                [operation],
            ),
            retries: metrics.counters(
                "draftstore_store_retries_total",
                "Retries of calls to the store",
                [operation],
            ),
        }
    }
}

impl CallObserver for StoreCalls {
    fn ended(&self, ended: &CallEnded) {
        let call = ended.call as usize;
        self.calls.at([call, ended.outcome as usize]).inc();
        self.took.at([call]).observe(ended.took.as_secs_f64());
        self.retries.at([call]).inc_by(ended.attempts.saturating_sub(1).into());
    }
}
