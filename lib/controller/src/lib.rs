//! Two thin fronts, gRPC and REST, on one [`Api`] and one error table.
//!
//! Knows messages and statuses; knows neither storage nor an SDK, and no rule of drafts.

mod api;
mod cors;
mod error_table;
pub mod grpc;
mod observe;
mod outcome;
mod readiness;
pub mod webapi;

pub use api::Api;
pub use readiness::{Readiness, StoreSeen};

/// The longest request that either front reads, in bytes. The largest sensible one holds a hundred confirms, each with two
/// names of 900 bytes and its pins.
pub const MAX_REQUEST_BYTES: usize = 512 * 1024;

/// The service's namespace in `google.rpc.ErrorInfo`.
const ERROR_DOMAIN: &str = "draftstore";
