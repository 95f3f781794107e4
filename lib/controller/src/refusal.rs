//! The refusals of the gate: why a request was not admitted, or not answered in time.

use draftstore_auth::Unauthenticated;
use draftstore_connections::PortRefusal;
use draftstore_service::{Amount, Scope, closed_set};

closed_set! {
    /// A limit that a request exceeded.
    pub enum Limit {
        /// The timeout for the body of a request.
        BodyTimeout = "body_timeout",
        /// The size of the body of a request.
        BodySize = "body_size",
        /// The timeout for a response.
        CallTimeout = "call_timeout",
        /// The number of concurrent requests.
        Concurrency = "concurrency",
        /// The memory of the requests in progress.
        RequestMemory = "request_memory",
        /// The number of requests in progress from an address.
        AddressConcurrency = "address_concurrency",
        /// The rate of requests from an address.
        AddressRate = "address_rate",
        /// The rate of requests from a caller.
        CallerRate = "caller_rate",
        /// The rate of confirms from a caller.
        ConfirmRate = "confirm_rate",
        /// The number of streams of a caller.
        CallerStreams = "caller_streams",
    }
}

/// A request that the gate refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request has no valid credentials.
    #[error("{0}")]
    Unauthenticated(#[from] Unauthenticated),
    /// The caller has none of the scopes of the call.
    #[error("this needs the scope {0}")]
    NotAllowed(Scope),
    /// The body has an encoding, such as gzip.
    #[error("the body must not have a content-encoding")]
    Encoding,
    /// The caller or its address exceeds a rate limit.
    #[error("too many requests: try again in {}", Amount::seconds(*.retry_after))]
    TooManyRequests {
        /// The rate limit that was exceeded.
        limit: Limit,
        /// Whole seconds until the request may succeed, at least one.
        retry_after: u32,
    },
    /// The body did not arrive in time.
    #[error("the request took too long to arrive")]
    BodyTimeout,
    /// The body is larger than the call allows.
    #[error("body is too large: at most {}", Amount::bytes(*.max_bytes))]
    BodyTooLarge {
        /// The limit in bytes.
        max_bytes: u64,
    },
    /// The body ended early, or its chunks are malformed.
    #[error("the request is invalid")]
    BodyIncomplete,
    /// The requests in progress hold as much memory as they may.
    #[error("the server is overloaded")]
    OutOfMemory,
    /// The audit cannot be written, and calls need it.
    #[error("the server cannot write its audit")]
    AuditUnavailable,
    /// The server does not have the name that the request is for.
    #[error("this server does not have the name that the request is for")]
    UnknownHost,
    /// The page that sends the request is of an origin that may not.
    #[error("pages of this origin may not use this server")]
    UnknownOrigin,
    /// The server is processing the maximum number of concurrent requests.
    #[error("the server is overloaded")]
    Overloaded,
    /// The call took longer than its timeout.
    #[error("the store is unavailable")]
    CallTimeout,
    /// The stream of a call ended before what it reports.
    #[error("{0}")]
    StreamEnded(StreamEnd),
}

/// The reason why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamEnd {
    /// The stream has lasted as long as it may.
    #[error("the stream has reached its time limit: begin another")]
    Timeout,
    /// The server is stopping.
    #[error("the server stops: begin another stream")]
    Stopping,
    /// The policy was changed, and gives the caller other rights or limits.
    #[error("the rights of the caller have changed: begin another stream")]
    CallerChanged,
}

impl From<PortRefusal> for Refusal {
    fn from(refusal: PortRefusal) -> Self {
        match refusal {
            PortRefusal::RateLimited { retry_after } => Self::TooManyRequests {
                limit: Limit::AddressRate,
                retry_after,
            },
            PortRefusal::TooManyInProgress => Self::TooManyRequests {
                limit: Limit::AddressConcurrency,
                retry_after: 1,
            },
            PortRefusal::OutOfMemory => Self::OutOfMemory,
            PortRefusal::UnknownHost => Self::UnknownHost,
            PortRefusal::UnknownOrigin => Self::UnknownOrigin,
        }
    }
}
