//! What went wrong, in a form for people, for scripts and for the exit status.

use std::fmt::Display;
use std::io;

use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::exit::Exit;

/// A failure. Holds no presigned URL.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failure {
    /// The server's stable reason, or one of this program's own.
    pub(crate) reason: String,
    /// A sentence for people.
    pub(crate) message: String,
    /// The fields of the request that are to blame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
    /// The status to exit with.
    #[serde(rename = "exit_status")]
    pub(crate) exit: Exit,
}

/// A field that is to blame.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FieldError {
    field: String,
    detail: String,
}

impl Failure {
    /// One of this program's own.
    pub(crate) fn new(reason: &str, exit: Exit, message: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.into(),
            errors: Vec::new(),
            exit,
        }
    }

    /// Something on this machine does not work.
    pub(crate) fn local(what: impl Display, error: &io::Error) -> Self {
        Self::new("LOCAL_IO", Exit::Failed, format!("{what}: {error}"))
    }

    /// The server or the store gave an answer that the contract does not have.
    pub(crate) fn nonsense(what: impl Into<String>) -> Self {
        Self::new("UNEXPECTED_ANSWER", Exit::Failed, what)
    }

    /// The object store refuses for good.
    pub(crate) fn store(status: u16, said: impl Display) -> Self {
        let exit = match status {
            404 => Exit::NotFound,
            412 => Exit::PinMismatch,
            408 | 429 | 500.. => Exit::Unavailable,
            _ => Exit::Refused,
        };
        Self::new("STORE_REFUSED", exit, format!("the store answers {status}: {said}"))
    }

    /// Server or store cannot be reached, or fail, again and again.
    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::new("UNAVAILABLE", Exit::Unavailable, what)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let violations = details.bad_request().into_iter().flat_map(|bad| {
            let fields = bad.field_violations.iter();
            fields.map(|violation| (&violation.field, &violation.description))
        });
        let pins = details.precondition_failure().into_iter().flat_map(|failed| {
            let pins = failed.violations.iter();
            pins.map(|violation| (&violation.subject, &violation.description))
        });
        let errors = violations.chain(pins).map(|(field, detail)| FieldError {
            field: field.clone(),
            detail: detail.clone(),
        });
        Self {
            reason: info.map_or_else(|| name(status.code()).to_owned(), |info| info.reason.clone()),
            message: status.message().to_owned(),
            errors: errors.collect(),
            exit: Exit::of(status.code()),
        }
    }
}

/// The code as the protocol spells it, for answers that are not the server's own.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
