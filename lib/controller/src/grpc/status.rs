//! A service error as a gRPC status with details.
//!
//! Source: <https://google.aip.dev/193>

use std::collections::HashMap;
use std::time::Duration;

use draftstore_service::Error;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::ERROR_DOMAIN;
use crate::error_table::{log, row};

/// The status of an error, with `ErrorInfo`, and with `BadRequest` or `RetryInfo` where they say more.
pub(super) fn status(error: &Error) -> Status {
    log(error);
    let row = row(error);
    let mut details = ErrorDetails::with_error_info(row.reason, ERROR_DOMAIN, HashMap::new());
    match error {
        Error::Invalid(violations) => {
            for violation in violations {
                details.add_bad_request_violation(&violation.field, &violation.rule);
            }
        }
        Error::TooLarge { field, limit } => {
            details.add_bad_request_violation(*field, format!("must be at most {limit} bytes"));
        }
        Error::PinMismatch { pin } => {
            details.add_precondition_failure_violation("PIN", *pin, "does not match what is stored");
        }
        Error::NotFound(_)
        | Error::AlreadyExists
        | Error::StoreCredentials(_)
        | Error::StoreUnavailable(_)
        | Error::Internal(_) => {}
    }
    if let Some(seconds) = row.retry_after {
        details.set_retry_info(Some(Duration::from_secs(seconds.into())));
    }
    Status::with_error_details(row.grpc, message(error), details)
}

/// The sentence for people: the broken rules where there are any.
fn message(error: &Error) -> String {
    match error {
        Error::Invalid(violations) => {
            let rules: Vec<_> = violations.iter().map(|v| format!("{} {}", v.field, v.rule)).collect();
            rules.join("; ")
        }
        Error::NotFound(_)
        | Error::AlreadyExists
        | Error::PinMismatch { .. }
        | Error::TooLarge { .. }
        | Error::StoreCredentials(_)
        | Error::StoreUnavailable(_)
        | Error::Internal(_) => error.to_string(),
    }
}
