//! A service error as one outcome of a batch, inside an answer of either front.

use draftstore_proto::v1;
use draftstore_service::{Error, Violation};

use crate::error_table::{field_errors, log, row, sentence};

/// What both fronts would have answered, in one message.
pub(crate) fn outcome_error(error: &Error) -> v1::UploadError {
    log(error);
    let row = row(error);
    let field_error = |Violation { field, rule }| v1::FieldError { field, detail: rule };
    v1::UploadError {
        reason: row.reason.to_owned(),
        message: sentence(error),
        grpc_code: row.grpc.into(),
        http_status: row.http.as_u16().into(),
        errors: field_errors(error).into_iter().map(field_error).collect(),
        retry_after: row.retry_after.map(u32::cast_signed),
    }
}
