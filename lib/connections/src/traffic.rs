//! What is counted of requests and connections.
//!
//! Requests are counted where connections hand them over: what is refused or never ends is among them, and nothing has to be
//! wrapped again.

use std::sync::Arc;
use std::time::Instant;

use draftstore_controller::measured::{CODES, Limit, Port, Rpc, code_of, limit_of};
use draftstore_runtime::metrics::{Metrics, Table};
use hyper::Response;
use prometheus::{Histogram, IntCounter, IntGauge};

/// The place of gRPC's code for what its client did not wait for.
const CANCELLED: usize = 1;

/// Requests and connections.
#[derive(Debug)]
pub struct Traffic {
    requests: Table<IntCounter, 3>,
    took: Table<Histogram, 2>,
    in_flight: Table<IntGauge, 1>,
    refusals: Table<IntCounter, 1>,
    connections: IntGauge,
    accepted: IntCounter,
}

impl Traffic {
    /// Counted from now on, and told by these.
    pub fn new(metrics: &Metrics) -> Self {
        let (front, rpc) = (("front", Port::NAMES), ("rpc", Rpc::NAMES));
        let traffic = Self {
            requests: metrics.counters(
                "draftstore_requests_total",
                "Requests answered",
                [front, rpc, ("code", CODES)],
            ),
            took: metrics.durations(
                "draftstore_request_duration_seconds",
                "From the head of a request to the head of its answer",
                [front, rpc],
            ),
            in_flight: metrics
                .gauges("draftstore_requests_in_flight", "Requests being answered", [front])
                .all_there(),
            refusals: metrics
                .counters(
                    "draftstore_refusals_total",
                    "What was refused or cut off because of a limit",
                    [("limit", Limit::NAMES)],
                )
                .all_there(),
            connections: metrics.gauge("draftstore_connections", "Connections that are open"),
            accepted: metrics.counter("draftstore_connections_total", "Connections that were accepted"),
        };
        for (front, rpc) in Port::ALL
            .iter()
            .flat_map(|front| Rpc::ALL.iter().map(move |rpc| (front, rpc)))
        {
            traffic.requests.at([*front as usize, *rpc as usize, 0]);
        }
        traffic
    }

    /// A request has come. It is answered until what is given back is told of the answer, or dropped.
    pub(crate) fn request(self: &Arc<Self>, port: Port, path: &str) -> UnderWay {
        self.in_flight.at([port as usize]).inc();
        UnderWay {
            traffic: Arc::clone(self),
            port,
            rpc: Rpc::of_path(port, path),
            begun: Instant::now(),
            code: CANCELLED,
        }
    }

    /// A connection was accepted. It is open until what is given back is dropped.
    pub(crate) fn connection(self: &Arc<Self>) -> Open {
        self.connections.inc();
        self.accepted.inc();
        Open(Arc::clone(self))
    }

    /// Something was not granted because of this.
    pub(crate) fn refused(&self, limit: Limit) {
        self.refusals.at([limit as usize]).inc();
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct UnderWay {
    traffic: Arc<Traffic>,
    port: Port,
    rpc: Rpc,
    begun: Instant,
    code: usize,
}

impl UnderWay {
    /// It has an answer.
    pub(crate) fn answered<B>(mut self, answer: &Response<B>) {
        self.code = code_of(answer) as usize;
        if let Some(limit) = limit_of(answer) {
            self.traffic.refused(limit);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Traffic {
            requests,
            took,
            in_flight,
            ..
        } = &*self.traffic;
        let (port, rpc) = (self.port as usize, self.rpc as usize);
        in_flight.at([port]).dec();
        requests.at([port, rpc, self.code]).inc();
        took.at([port, rpc]).observe(self.begun.elapsed().as_secs_f64());
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}
