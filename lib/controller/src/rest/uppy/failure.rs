//! Failures in Uppy's format. Uppy shows the `message` to the user.

use axum::response::{IntoResponse, Response};
use draftstore_service::{Error, Violation};
use serde::Serialize;
use serde_json::{Value, json};

use crate::errors::{Failure, Row};
use crate::refusal::Refusal;
use crate::rest::problem::respond;

/// A failure of one of Uppy's routes.
#[derive(Debug)]
pub(super) struct UppyFailure(pub(super) Failure);

/// The body of an error response. Uppy recognizes errors by the field `error`, so no other response may have it.
#[derive(Debug, Serialize)]
struct UppyError {
    /// The stable, machine-readable reason.
    error: &'static str,
    /// The human-readable message.
    message: String,
}

impl<F: Into<Failure>> From<F> for UppyFailure {
    fn from(failure: F) -> Self {
        Self(with_uppy_names(failure.into()))
    }
}

/// Returns the response for a refusal of the gate.
pub(in crate::rest) fn refuse(refusal: Refusal) -> Response {
    UppyFailure::from(refusal).into_response()
}

/// Returns the failure with Uppy's names of the fields.
fn with_uppy_names(failure: Failure) -> Failure {
    let Failure::Service(Error::Invalid(violations)) = failure else {
        return failure;
    };
    let renamed = |violation: Violation| {
        let field = match violation.field.as_str() {
            "object_name" | "draft_id" => "key".to_owned(),
            "upload_id" => "uploadId".to_owned(),
            "content_type" => "type".to_owned(),
            other => other.replace("part_number", "PartNumber").replace("etag", "ETag"),
        };
        Violation::new(field, violation.rule)
    };
    Error::Invalid(violations.into_iter().map(renamed).collect()).into()
}

impl IntoResponse for UppyFailure {
    fn into_response(self) -> Response {
        let row = self.0.report();
        let body = UppyError::new(&self.0, &row);
        respond(&row, "application/json", &body)
    }
}

impl UppyError {
    fn new(failure: &Failure, row: &Row<'_>) -> Self {
        Self {
            error: row.reason.name,
            message: failure.sentence(&row.fields),
        }
    }
}

/// Returns the body of the response for a failure, for the documentation.
pub(crate) fn sample(failure: &Failure) -> Value {
    json!(UppyError::new(failure, &failure.row()))
}
