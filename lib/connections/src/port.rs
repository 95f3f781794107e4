//! The labels of a port's metrics and spans. Every label has a fixed set of values, and none comes from a client.

use axum::body::Body;
use hyper::Response;

/// The labels that the ports of a server share.
#[derive(Debug)]
pub struct Labels {
    /// The names of the ports.
    pub ports: &'static [&'static str],
    /// Returns the names of the calls.
    pub calls: fn() -> Vec<&'static str>,
    /// The names of the limits for which a request is refused.
    pub limits: &'static [&'static str],
    /// Returns the name of a response's gRPC code.
    pub code_of: fn(&Response<Body>) -> &'static str,
    /// Returns the name of the limit for which a request was refused, or `None`.
    pub limit_of: fn(&Response<Body>) -> Option<&'static str>,
}

/// A port of the server.
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// The name of the port.
    pub name: &'static str,
    /// The labels of all ports.
    pub labels: &'static Labels,
    /// Returns the name of the call at a path.
    pub call_of: fn(path: &str) -> &'static str,
}
