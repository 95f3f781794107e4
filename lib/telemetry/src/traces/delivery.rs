//! The delivery of spans to the collector: failures are counted, and logged now and then.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prometheus::IntCounter;

/// The minimum time between two log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Returns the counter of spans that were not delivered, which the registries of this process share.
pub(crate) fn undelivered() -> &'static IntCounter {
    static COUNTER: LazyLock<IntCounter> = LazyLock::new(|| {
        let help = "Spans that the trace collector did not accept";
        IntCounter::new("draftstore_spans_undelivered_total", help).expect("a valid name")
    });
    &COUNTER
}

/// An exporter whose failures are counted and logged.
#[derive(Debug)]
pub(super) struct Delivery<E> {
    exporter: E,
    endpoint: String,
    last_line: Mutex<Option<Instant>>,
}

impl<E> Delivery<E> {
    pub(super) fn new(exporter: E, endpoint: &str) -> Self {
        Self {
            exporter,
            endpoint: endpoint.to_owned(),
            last_line: Mutex::new(None),
        }
    }

    /// Returns true if a line may be logged at this time.
    fn may_log(&self, now: Instant) -> bool {
        let mut last_line = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last_line.is_none_or(|last| now.duration_since(last) >= LOG_INTERVAL);
        if is_due {
            *last_line = Some(now);
        }
        is_due
    }
}

impl<E: SpanExporter> SpanExporter for Delivery<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        if let Err(error) = &exported {
            undelivered().inc_by(u64::try_from(spans).unwrap_or(u64::MAX));
            if self.may_log(Instant::now()) {
                let (endpoint, undelivered) = (&self.endpoint, undelivered().get());
                tracing::warn!(%error, endpoint, spans, undelivered, "traces not delivered");
            }
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;

    #[derive(Debug)]
    struct Failing;

    impl SpanExporter for Failing {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            Err(OTelSdkError::InternalFailure("unreachable".to_owned()))
        }
    }

    #[test]
    fn failures_are_logged_once_a_minute() {
        let (delivery, begun) = (Delivery::new(Failing, "http://collector:4317"), Instant::now());
        let lines = (0..180).filter(|second| delivery.may_log(begun + Duration::from_secs(*second)));
        assert_eq!(lines.count(), 3);
    }
}
