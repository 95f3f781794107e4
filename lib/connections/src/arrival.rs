//! Requests as a port's handler gets them: within the limits of the port, or refused.

use axum::body::Body;
use hyper::Request;

/// A request that arrived at a port. The type makes every handler respond to the refused ones too.
#[derive(Debug)]
pub enum Arrival {
    /// A request within the limits of the port.
    Admitted(Request<Body>),
    /// A request that the port refuses, for the handler to say so. Its body is gone.
    Refused(Request<Body>, PortRefusal),
}

impl Arrival {
    /// Returns the arrival with the request as the function changes it.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Request<Body>) -> Request<Body>) -> Self {
        match self {
            Self::Admitted(request) => Self::Admitted(change(request)),
            Self::Refused(request, refusal) => Self::Refused(change(request), refusal),
        }
    }
}

/// The reason why a port refuses a request, whatever it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortRefusal {
    /// The address exceeds its rate limit.
    RateLimited {
        /// Whole seconds until a request may succeed, at least one.
        retry_after: u32,
    },
    /// The address has too many requests in progress.
    TooManyInProgress,
    /// The requests in progress hold as much memory as they may.
    OutOfMemory,
    /// The server has no such name.
    UnknownHost,
    /// The page that sends the request is of an origin that may not.
    UnknownOrigin,
}

/// The error of a request's body for which there is no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the requests in progress hold as much memory as they may")]
pub struct BodyOutOfMemory;
