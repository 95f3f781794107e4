//! The metrics, in Prometheus' terms. `docs/reference/metrics.md` describes them, and tests compare the two.
//!
//! By the crate `prometheus`: its counters and histograms are a few atomic additions each, on handles that are made
//! beforehand. A histogram of `prometheus-client` is behind a lock; the exporter of `metrics` keeps every observation until
//! somebody asks, and has to be told to forget where nobody does.

mod calls;
mod sweeps;
mod table;

use std::fmt;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub use self::calls::StoreCalls;
pub use self::sweeps::{LAST_SUCCESS, Sweeps};
pub use self::table::{Label, Table};

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The commit that was built, where the build said it.
pub const COMMIT: &str = match option_env!("DRAFTSTORE_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// Upper ends of the buckets of durations, in seconds: from a signature to a copy of some gigabytes.
const BUCKETS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
];

/// All measures of a process. Clones share them.
#[derive(Clone)]
pub struct Metrics(Registry);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// With what was built, of this version.
    pub fn new(version: &str) -> Self {
        let metrics = Self(Registry::new());
        let build = GaugeVec::new(opts("draftstore_build_info", "What was built"), &["version", "commit"]);
        metrics.registered(build).with_label_values(&[version, COMMIT]).set(1.0);
        metrics
    }

    /// What the system knows of the process besides. Linux only.
    ///
    /// # Panics
    /// When it is called twice: a bug.
    pub fn add_process(&self) {
        #[cfg(target_os = "linux")]
        {
            let process = prometheus::process_collector::ProcessCollector::for_self();
            self.0.register(Box::new(process)).expect("names of its own");
        }
    }

    /// All of it, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.0.gather(), &mut text) {
            tracing::error!(%error, "the metrics cannot be written");
        }
        text
    }

    /// A counter.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    /// Counters whose labels have closed sets of values that nobody else needs in one list.
    pub fn counter_family(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(opts(name, help), labels))
    }

    /// Counters by closed sets.
    pub fn counters<const N: usize>(&self, name: &str, help: &str, labels: [Label; N]) -> Table<IntCounter, N> {
        let family = self.registered(IntCounterVec::new(opts(name, help), &labels.map(|(label, _)| label)));
        Table::new(labels, move |values| family.with_label_values(values))
    }

    /// A gauge of whole numbers.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    /// A gauge of seconds.
    pub fn seconds(&self, name: &str, help: &str) -> Gauge {
        self.registered(Gauge::new(name, help))
    }

    /// Gauges by closed sets.
    pub fn gauges<const N: usize>(&self, name: &str, help: &str, labels: [Label; N]) -> Table<IntGauge, N> {
        let family = self.registered(IntGaugeVec::new(opts(name, help), &labels.map(|(label, _)| label)));
        Table::new(labels, move |values| family.with_label_values(values))
    }

    /// Gauges of seconds by closed sets.
    pub fn seconds_by<const N: usize>(&self, name: &str, help: &str, labels: [Label; N]) -> Table<Gauge, N> {
        let family = self.registered(GaugeVec::new(opts(name, help), &labels.map(|(label, _)| label)));
        Table::new(labels, move |values| family.with_label_values(values))
    }

    /// Durations by closed sets, in seconds.
    pub fn durations<const N: usize>(&self, name: &str, help: &str, labels: [Label; N]) -> Table<Histogram, N> {
        let opts = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
        let family = self.registered(HistogramVec::new(opts, &labels.map(|(label, _)| label)));
        Table::new(labels, move |values| family.with_label_values(values))
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
