//! A failure as a gRPC status with details.
//!
//! Source: <https://google.aip.dev/193>

use std::collections::HashMap;
use std::time::Duration;

use axum::response::Response;
use draftstore_service::Violation;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::ERROR_DOMAIN;
use crate::errors::{Failure, UPLOAD_INCOMPLETE};
use crate::refusal::Refusal;

/// The maximum number of fields in a status. It is sent in headers, and clients accept 8 KiB of headers by default.
const MAX_FIELDS: usize = 20;

/// Returns the status of a failure, with `ErrorInfo` and, where they apply, `BadRequest`, `PreconditionFailure` or `RetryInfo`.
pub(super) fn status(failure: &Failure) -> Status {
    let row = failure.report();
    let message = failure.sentence(&row.fields);
    let mut details = ErrorDetails::with_error_info(row.reason.name, ERROR_DOMAIN, HashMap::new());
    let unmet = if row.reason == UPLOAD_INCOMPLETE {
        "PARTS"
    } else {
        "PIN"
    };
    for Violation { field, rule } in row.fields.into_iter().take(MAX_FIELDS) {
        if row.reason.grpc == Code::FailedPrecondition {
            details.add_precondition_failure_violation(unmet, field, rule);
        } else {
            details.add_bad_request_violation(field, rule);
        }
    }
    if let Some(seconds) = row.retry_after {
        details.set_retry_info(Some(Duration::from_secs(seconds.into())));
    }
    Status::with_error_details(row.reason.grpc, message, details)
}

/// Returns the response for a failure: a status without a message.
pub(crate) fn error_response(failure: &Failure) -> Response {
    let mut response: Response = status(failure).into_http();
    if let Failure::Refused(Refusal::UnknownHost | Refusal::UnknownOrigin) = failure {
        // Browsers and proxies read the status of HTTP.
        *response.status_mut() = failure.row().reason.http;
    }
    if let Some(limit) = failure.row().limit {
        response.extensions_mut().insert(limit);
    }
    response
}

/// Returns the response for a refusal of the gate.
pub(super) fn refuse(refusal: Refusal) -> Response {
    error_response(&refusal.into())
}
