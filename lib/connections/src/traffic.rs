//! Metrics of requests and connections.
//!
//! Requests are counted at the connection, so that the counts include those that are refused or never finish.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::Body;
use draftstore_telemetry::metrics::Metrics;
use hyper::Response;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};

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
    ports: Vec<PortMetrics>,
    refusals: IntCounterVec,
    connections: IntGauge,
    accepted: IntCounter,
}

/// The metrics of one port. Each request finds its own here, because a look-up by labels hashes them all.
#[derive(Debug)]
struct PortMetrics {
    name: &'static str,
    in_flight: IntGauge,
    calls: Vec<CallMetrics>,
}

/// The metrics of one call on one port.
#[derive(Debug)]
struct CallMetrics {
    name: &'static str,
    succeeded: IntCounter,
    /// Created by the first request, so that a call without requests has no series.
    duration: OnceLock<Histogram>,
}

impl Traffic {
    /// Registers the metrics of requests and connections.
    pub fn new(metrics: &Metrics, labels: &'static Labels) -> Self {
        let requests = metrics.counters(
            "draftstore_requests_total",
            "Requests that were answered",
            &["front", "rpc", "code"],
        );
        let in_flight = metrics.gauges("draftstore_requests_in_flight", "Requests in flight", &["front"]);
        let calls = (labels.calls)();
        let of_port = |port: &&'static str| PortMetrics {
            name: port,
            in_flight: in_flight.with_label_values(&[*port]),
            calls: calls
                .iter()
                .map(|call| CallMetrics {
                    name: call,
                    succeeded: requests.with_label_values(&[*port, *call, OK]),
                    duration: OnceLock::new(),
                })
                .collect(),
        };
        let traffic = Self {
            ports: labels.ports.iter().map(of_port).collect(),
            requests,
            durations: metrics.durations(
                "draftstore_request_duration_seconds",
                "Duration from the head of a request to the head of its response",
                &["front", "rpc"],
            ),
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
        traffic
    }

    /// Counts a request. Its duration ends when the returned guard is finished or dropped, and it is in flight while a
    /// clone of [`InFlight`] lives.
    pub(crate) fn request(self: &Arc<Self>, port: Port, path: &str) -> RequestTimer {
        let of_port = self.ports.iter().position(|known| known.name == port.name);
        let of_port = of_port.expect("the labels have every port");
        let PortMetrics { in_flight, calls, .. } = &self.ports[of_port];
        in_flight.inc();
        let name = (port.call_of)(path);
        let of_call = calls.iter().position(|known| known.name == name);
        RequestTimer {
            in_flight: InFlight {
                _gauge: Some(Arc::new(GaugeGuard(in_flight.clone()))),
            },
            traffic: Arc::clone(self),
            port,
            metrics: (of_port, of_call.expect("the labels have every call")),
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
    /// The places of the port and the call among the metrics.
    metrics: (usize, usize),
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
        let (port, call) = self.metrics;
        let PortMetrics { name: front, calls, .. } = &self.traffic.ports[port];
        let CallMetrics {
            name: rpc,
            succeeded,
            duration,
        } = &calls[call];
        if self.code == OK {
            succeeded.inc();
        } else {
            let requests = &self.traffic.requests;
            requests.with_label_values(&[*front, *rpc, self.code]).inc();
        }
        let duration = duration.get_or_init(|| self.traffic.durations.with_label_values(&[*front, *rpc]));
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
