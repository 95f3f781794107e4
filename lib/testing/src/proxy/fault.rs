//! The faults that can be injected into a request.

use http::StatusCode;

/// A fault of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    /// Closes the connection, and refuses further ones until [`super::FaultProxy::heal`].
    Gone,
    /// Sends this reply without forwarding the request.
    Before(FaultReply),
    /// Forwards the request, and replaces the response with this reply.
    After(FaultReply),
    /// Forwards the request, and responds with half of the body.
    Truncated,
    /// Forwards the request, and ends the connection in the middle of the response.
    CutOff,
}

/// A reply in place of the store's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultReply {
    /// Closes the connection without a response.
    Closed,
    /// Resets the connection without a response.
    Reset,
    /// Never responds, and keeps the connection open.
    Nothing,
    /// Responds with this error, by status and code.
    Error(InjectedError),
    /// Responds with status 200 and the document of an `InternalError`.
    ErrorInOk,
}

/// The S3 errors that a reply can have.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the S3 error code of its name")]
pub enum InjectedError {
    AccessDenied,
    InternalError,
    SlowDown,
    ExpiredToken,
    RequestTimeTooSkewed,
    NoSuchKey,
    ConditionalRequestConflict,
    PreconditionFailed,
}

impl InjectedError {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::SlowDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::AccessDenied | Self::ExpiredToken | Self::RequestTimeTooSkewed => StatusCode::FORBIDDEN,
            Self::NoSuchKey => StatusCode::NOT_FOUND,
            Self::ConditionalRequestConflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        }
    }

    pub(super) fn document(self) -> String {
        document(&format!("{self:?}"))
    }
}

/// Returns the document of an error with this code.
pub(super) fn document(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>planned</Message>\
         <RequestId>0</RequestId></Error>"
    )
}
