//! The outcomes of calls to a store, for metrics and traces.

use std::fmt;
use std::time::Duration;

use crate::{Operation, closed_set};

/// The `tracing` target of the spans that are exported to a trace collector. Their fields contain no secrets.
pub const TRACE_TARGET: &str = "draftstore_trace";

/// An observer of finished calls. Must not block: it runs in the task of the call.
pub trait CallObserver: fmt::Debug + Send + Sync {
    /// Called after each call to the store, whatever its outcome.
    fn ended(&self, ended: &CallEnded);
}

/// A finished call to the store. Presigning is not a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEnded {
    /// The operation of the call.
    pub operation: Operation,
    /// The outcome of the call.
    pub outcome: CallOutcome,
    /// The duration, including all attempts and the delays between them.
    pub took: Duration,
    /// The number of attempts.
    pub attempts: u32,
}

closed_set! {
    /// The outcome of a call, by the status of the last response.
    pub enum CallOutcome {
        /// The call succeeded (2xx).
        Ok = "ok",
        /// The bucket, object or upload does not exist (404).
        NotFound = "not_found",
        /// A condition did not hold (412).
        PreconditionFailed = "precondition_failed",
        /// The store reported concurrent writers (409).
        Conflict = "conflict",
        /// The store refused the credentials (401, 403).
        Denied = "denied",
        /// The store asked to slow down (429, 503).
        Throttled = "throttled",
        /// Any other 5xx status, or an error within a 200 response.
        ServerError = "server_error",
        /// Any other 4xx status.
        ClientError = "client_error",
        /// No response: the store was unreachable, the call timed out, or its future was dropped.
        NoAnswer = "no_answer",
    }
}

impl CallOutcome {
    /// Returns the outcome of a failed call with this HTTP status.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied,
            404 => Self::NotFound,
            409 => Self::Conflict,
            412 => Self::PreconditionFailed,
            429 | 503 => Self::Throttled,
            400..500 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_within_a_success_is_an_error_of_the_server() {
        assert_eq!(CallOutcome::of_status(200), CallOutcome::ServerError);
    }
}
