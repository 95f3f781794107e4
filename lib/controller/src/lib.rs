//! Two thin fronts, gRPC and REST, on one [`Api`] and one error table.
//!
//! Knows messages and statuses; knows neither storage nor an SDK, and no rule of drafts.

mod answers;
mod api;
mod around;
mod audit;
mod cors;
mod error_table;
mod gate;
pub mod grpc;
mod headers;
pub mod measured;
mod observe;
mod openapi;
mod outcome;
mod panics;
mod peer;
mod readiness;
pub mod webapi;

pub use answers::Answers;
pub use api::Api;
pub use audit::{AUDIT_TARGET, start_audit};
pub use gate::{Bounds, ConfirmBudget, Gate, GateLimits, Quota, RateLimits};
pub use openapi::Json;
pub use peer::PeerAddress;
pub use readiness::{Readiness, StoreSeen};

/// The longest request that either front reads, in bytes. Most calls have less: see [`webapi::Size`].
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The service's namespace in `google.rpc.ErrorInfo`.
const ERROR_DOMAIN: &str = "draftstore";
