//! The metrics of a process, for Prometheus. `docs/reference/metrics.md` describes them, and a test compares the two.
//!
//! Metrics use the crate `prometheus`, whose counters and histograms cost a few atomic additions each. A histogram of
//! `prometheus-client` takes a lock. The exporter of `metrics` keeps every observation until it is scraped.

mod calls;

use std::fmt;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::traces;

pub use self::calls::StoreCalls;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The commit of this build, or `unknown`.
pub const COMMIT: &str = match option_env!("DRAFTSTORE_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// The upper bounds of duration buckets, in seconds: from a signature to a copy of several gigabytes.
const BUCKETS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
];

/// The registry of a process's metrics. Clones share it.
#[derive(Clone)]
pub struct Metrics(Registry);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Creates a registry that has the build's version and commit.
    pub fn new(version: &str) -> Self {
        let metrics = Self(Registry::new());
        let build = GaugeVec::new(
            opts("draftstore_build_info", "Version and commit of the build"),
            &["version", "commit"],
        );
        metrics.registered(build).with_label_values(&[version, COMMIT]).set(1.0);
        metrics.registered(Ok(traces::undelivered().clone()));
        metrics
    }

    /// Adds the process metrics of the operating system, on Linux only.
    ///
    /// # Panics
    /// If it is called twice.
    pub fn add_process(&self) {
        #[cfg(target_os = "linux")]
        {
            let process = prometheus::process_collector::ProcessCollector::for_self();
            self.0.register(Box::new(process)).expect("names of its own");
        }
    }

    /// Returns all metrics in the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.0.gather(), &mut text) {
            tracing::error!(%error, "metrics not encoded");
        }
        text
    }

    /// Registers a counter without labels.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    /// Registers counters with these labels.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(opts(name, help), labels))
    }

    /// Registers a gauge of whole numbers.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    /// Registers gauges of whole numbers with these labels.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(opts(name, help), labels))
    }

    /// Registers a gauge of seconds.
    pub fn seconds(&self, name: &str, help: &str) -> Gauge {
        self.registered(Gauge::new(name, help))
    }

    /// Registers gauges of seconds with these labels.
    pub fn seconds_by(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.registered(GaugeVec::new(opts(name, help), labels))
    }

    /// Registers histograms of durations in seconds, with these labels.
    pub fn durations(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let opts = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
        self.registered(HistogramVec::new(opts, labels))
    }

    fn registered<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let made = made.expect("names are written here, and are names");
        let registered = self.0.register(Box::new(made.clone()));
        registered.expect("every name is registered once");
        made
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help)
}
