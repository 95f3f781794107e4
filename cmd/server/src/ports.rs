//! The ports of the server, and the labels of their requests in metrics and traces.

use draftstore_connections::{Labels, Port};
use draftstore_controller::{Limit, labels};

/// The labels of both ports.
pub(crate) static LABELS: Labels = Labels {
    ports: &["rest", "grpc"],
    calls: labels::all,
    limits: Limit::NAMES,
    code_of: labels::code_of,
    limit_of: |response| labels::limit_of(response).map(Limit::as_str),
};

pub(crate) const REST: Port = Port {
    name: "rest",
    labels: &LABELS,
    call_of: labels::of_rest_path,
};

pub(crate) const GRPC: Port = Port {
    name: "grpc",
    labels: &LABELS,
    call_of: labels::of_grpc_path,
};
