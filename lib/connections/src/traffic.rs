//! Metrics of requests and connections.
//!
//! Requests are counted at the connection, so that the counts include those that are refused or never finish.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use draftstore_telemetry::metrics::Metrics;
use hyper::Response;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::port::{Labels, Port};

// The names of the limits of connections, as the metric has them.
pub(crate) const CONNECTIONS: &str = "connections";
pub(crate) const ADDRESS_CONNECTIONS: &str = "address_connections";
pub(crate) const HEADER_TIMEOUT: &str = "header_timeout";
pub(crate) const IDLE_TIMEOUT: &str = "idle_timeout";
pub(crate) const WRITE_TIMEOUT: &str = "write_timeout";

// The names of gRPC codes, as the metrics have them.
const OK: &str = "OK";
/// The code of a response that its client did not wait for.
const CANCELLED: &str = "CANCELLED";

/// The metrics of requests and connections.
#[derive(Debug)]
pub struct Traffic {
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGaugeVec,
    refusals: IntCounterVec,
    connections: IntGauge,
    accepted: IntCounter,
}

impl Traffic {
    /// Registers the metrics of requests and connections.
    pub fn new(metrics: &Metrics, labels: &'static Labels) -> Self {
        let traffic = Self {
            requests: metrics.counters(
                "draftstore_requests_total",
                "Requests that were answered",
                &["front", "rpc", "code"],
            ),
            durations: metrics.durations(
                "draftstore_request_duration_seconds",
                "Duration from the head of a request to the head of its response",
                &["front", "rpc"],
            ),
            in_flight: metrics.gauges("draftstore_requests_in_flight", "Requests in flight", &["front"]),
            refusals: metrics.counters(
                "draftstore_refusals_total",
                "Requests and connections that a limit refused or cut off",
                &["limit"],
            ),
            connections: metrics.gauge("draftstore_connections", "Open connections"),
            accepted: metrics.counter("draftstore_connections_total", "Accepted connections"),
        };
        let own = [
            CONNECTIONS,
            ADDRESS_CONNECTIONS,
            HEADER_TIMEOUT,
            IDLE_TIMEOUT,
            WRITE_TIMEOUT,
        ];
        for limit in own.iter().chain(labels.limits) {
            traffic.refusals.with_label_values(&[*limit]);
        }
        let calls = (labels.calls)();
        for port in labels.ports {
            traffic.in_flight.with_label_values(&[*port]);
            for call in &calls {
                traffic.requests.with_label_values(&[*port, *call, OK]);
            }
        }
        traffic
    }

    /// Counts a request. Its duration ends when the returned guard is finished or dropped, and it is in flight while a
    /// clone of [`InFlight`] lives.
    pub(crate) fn request(self: &Arc<Self>, port: Port, path: &str) -> RequestTimer {
        let gauge = self.in_flight.with_label_values(&[port.name]);
        gauge.inc();
        RequestTimer {
            in_flight: InFlight {
                _gauge: Some(Arc::new(GaugeGuard(gauge))),
            },
            traffic: Arc::clone(self),
            port,
            call: (port.call_of)(path),
            began: Instant::now(),
            code: CANCELLED,
        }
    }

    /// Counts a connection. It is open until the returned guard is dropped.
    pub(crate) fn connection(self: &Arc<Self>) -> Open {
        self.connections.inc();
        self.accepted.inc();
        Open(Arc::clone(self))
    }

    /// Counts a refusal because of a limit.
    pub(crate) fn refused(&self, limit: &'static str) {
        self.refusals.with_label_values(&[limit]).inc();
    }
}

/// A guard that keeps a request counted as in flight, beyond its response where work goes on for it. Each request has it
/// as an extension. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct InFlight {
    _gauge: Option<Arc<GaugeGuard>>,
}

#[derive(Debug)]
struct GaugeGuard(IntGauge);

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A guard for the duration of a request.
#[derive(Debug)]
pub(crate) struct RequestTimer {
    pub(crate) in_flight: InFlight,
    traffic: Arc<Traffic>,
    port: Port,
    call: &'static str,
    began: Instant,
    code: &'static str,
}

impl RequestTimer {
    /// Finishes the request with its response.
    pub(crate) fn answered(mut self, response: &Response<Body>) {
        self.code = (self.port.labels.code_of)(response);
        if let Some(limit) = (self.port.labels.limit_of)(response) {
            self.traffic.refused(limit);
        }
    }
}

impl Drop for RequestTimer {
    fn drop(&mut self) {
        let (front, rpc) = (self.port.name, self.call);
        let Traffic {
            requests, durations, ..
        } = &*self.traffic;
        requests.with_label_values(&[front, rpc, self.code]).inc();
        let duration = durations.with_label_values(&[front, rpc]);
        duration.observe(self.began.elapsed().as_secs_f64());
    }
}

/// A guard for an open connection.
#[derive(Debug)]
pub(crate) struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}
