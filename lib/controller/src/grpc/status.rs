//! A service error as a gRPC status with details.
//!
//! Source: <https://google.aip.dev/193>

use std::collections::HashMap;
use std::time::Duration;

use draftstore_service::{Error, Violation};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::ERROR_DOMAIN;
use crate::error_table::{field_errors, log, row, sentence};

/// Fields that a status names: it travels in headers, of which clients take 8 KiB by default.
const MAX_FIELDS: usize = 20;

/// The status of an error, with `ErrorInfo`, and with `BadRequest`, `PreconditionFailure` or `RetryInfo` where they say
/// more.
pub(super) fn status(error: &Error) -> Status {
    log(error);
    let row = row(error);
    let mut details = ErrorDetails::with_error_info(row.reason, ERROR_DOMAIN, HashMap::new());
    let unmet = if matches!(error, Error::Incomplete(_)) {
        "PARTS"
    } else {
        "PIN"
    };
    for Violation { field, rule } in field_errors(error).into_iter().take(MAX_FIELDS) {
        if row.grpc == Code::FailedPrecondition {
            details.add_precondition_failure_violation(unmet, field, rule);
        } else {
            details.add_bad_request_violation(field, rule);
        }
    }
    if let Some(seconds) = row.retry_after {
        details.set_retry_info(Some(Duration::from_secs(seconds.into())));
    }
    Status::with_error_details(row.grpc, sentence(error), details)
}
