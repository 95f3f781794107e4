//! The labels of a port's metrics and spans. Every label has a fixed set of values, and none comes from a client.

use axum::body::Body;
use hyper::Response;

/// The labels that the ports of a server share.
#[derive(Debug)]
pub struct Labels {
    /// The names of the ports.
    pub ports: &'static [&'static str],
    /// The names of the calls.
    pub calls: &'static [&'static str],
    /// The names of gRPC codes, each at the index of its number.
    pub codes: &'static [&'static str],
    /// The names of the limits for which a request is refused.
    pub limits: &'static [&'static str],
    /// Returns the index of a response's code.
    pub code_of: fn(&Response<Body>) -> usize,
    /// Returns the name of the limit for which a request was refused, or `None`.
    pub limit_of: fn(&Response<Body>) -> Option<&'static str>,
}

/// A port of the server.
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// The index of the port's name.
    pub index: usize,
    /// The labels of all ports.
    pub labels: &'static Labels,
    /// Returns the index of the call at a path.
    pub call_of: fn(path: &str) -> usize,
}

impl Port {
    pub(crate) fn name(&self) -> &'static str {
        self.labels.ports[self.index]
    }

    pub(crate) fn call(&self, path: &str) -> &'static str {
        self.labels.calls[(self.call_of)(path)]
    }

    pub(crate) fn code(&self, response: &Response<Body>) -> &'static str {
        self.labels.codes[(self.labels.code_of)(response)]
    }
}
