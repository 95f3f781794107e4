//! Two thin fronts, gRPC and REST, on one table of calls and one table of errors.
//!
//! Knows messages and statuses; knows neither storage nor an SDK, and no rule of drafts.

mod api;
mod audit;
mod calls;
mod elements;
mod errors;
mod gate;
pub mod grpc;
pub mod labels;
mod middleware;
mod openapi;
mod path_ticket;
mod readiness;
mod refusal;
pub mod rest;

pub use api::Api;
pub use audit::{AUDIT_TARGET, audit_auto_confirm, audit_given_up};
pub use calls::{CALLS, Call, Kind, Rpc, Size};
pub use gate::{Admitted, Bounds, Gate, GateConfig, RateLimits};
pub use middleware::{Cors, CorsSettings, InvalidRequestHeaders, RequestHeaders, Service};
pub use readiness::{Readiness, StoreStatus};
pub use refusal::{Limit, Refusal};

/// The maximum size of a request, in bytes. Most calls allow less: see [`Size`].
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The service's namespace in `google.rpc.ErrorInfo`.
const ERROR_DOMAIN: &str = "draftstore";
