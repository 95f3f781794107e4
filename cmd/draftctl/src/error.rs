//! The error of a command, with a message for people, a reason for scripts, and an exit status.

use std::fmt::Display;
use std::io;

use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::exit::Exit;

/// The reason of the server for an object in an archive class.
const OBJECT_ARCHIVED: &str = "OBJECT_ARCHIVED";

/// An error of a command. It never contains a presigned URL.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CommandError {
    /// The stable reason, from the server or from this program.
    pub(crate) reason: String,
    /// The message for people.
    pub(crate) message: String,
    /// The invalid fields of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<InvalidField>,
    /// The exit status of the program.
    #[serde(rename = "exit_status")]
    pub(crate) exit: Exit,
}

/// An invalid field of a request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InvalidField {
    field: String,
    detail: String,
}

impl CommandError {
    /// An error that this program detected.
    pub(crate) fn new(reason: &str, exit: Exit, message: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.into(),
            errors: Vec::new(),
            exit,
        }
    }

    /// An I/O error on this machine.
    pub(crate) fn local_io(message: impl Display, error: &io::Error) -> Self {
        Self::new("LOCAL_IO", Exit::Failed, format!("{message}: {error}"))
    }

    /// An error of writing to the output. If its reader has closed it, the program prints no message.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::new("OUTPUT_CLOSED", Exit::OutputClosed, "the output was closed")
        } else {
            Self::local_io("cannot write the output", error)
        }
    }

    /// A response of the server or the store that violates the protocol.
    pub(crate) fn unexpected_response(message: impl Into<String>) -> Self {
        Self::new("UNEXPECTED_ANSWER", Exit::Failed, message)
    }

    /// Names the object in the message, if the error is about that object.
    pub(crate) fn about_object(mut self, object_name: &str) -> Self {
        let is_about_object = matches!(
            self.exit,
            Exit::NotFound | Exit::AlreadyExists | Exit::PinMismatch | Exit::ChecksFailed | Exit::NotPossible
        );
        if is_about_object && !self.message.contains(object_name) {
            self.message = format!("{object_name}: {}", self.message);
        }
        self
    }

    /// Returns true if the server refused this field, and no other.
    pub(crate) fn is_about(&self, field: &str) -> bool {
        !self.errors.is_empty() && self.errors.iter().all(|invalid| invalid.field == field)
    }

    /// A permanent error response of the object store.
    pub(crate) fn store(status: u16, detail: impl Display) -> Self {
        let exit = match status {
            404 => Exit::NotFound,
            412 => Exit::PinMismatch,
            408 | 429 | 500.. => Exit::Unavailable,
            _ => Exit::Rejected,
        };
        Self::new(
            "STORE_REFUSED",
            exit,
            format!("the store responded with {status}: {detail}"),
        )
    }

    /// An object that cannot be read before it was made readable.
    pub(crate) fn archived(message: impl Display) -> Self {
        Self::new(
            OBJECT_ARCHIVED,
            Exit::NotPossible,
            format!("{message}: `draftctl unarchive` makes it readable"),
        )
    }

    /// The server or the store is unreachable or failing, after all retries.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new("UNAVAILABLE", Exit::Unavailable, message)
    }
}

impl From<Status> for CommandError {
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
        let errors = violations.chain(pins).map(|(field, detail)| InvalidField {
            field: field.clone(),
            detail: detail.clone(),
        });
        if info.is_some_and(|info| info.reason == OBJECT_ARCHIVED) {
            return Self::archived(status.message());
        }
        Self {
            reason: info.map_or_else(|| code_name(status.code()).to_owned(), |info| info.reason.clone()),
            message: status.message().to_owned(),
            errors: errors.collect(),
            exit: Exit::of(status.code(), info.map(|info| info.reason.as_str())),
        }
    }
}

/// The name of a gRPC code, for errors without a reason from the server.
fn code_name(code: Code) -> &'static str {
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
