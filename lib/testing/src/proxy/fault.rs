//! What can go wrong with one request.

use http::StatusCode;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed, and connections are refused from then on, until [`super::FaultProxy::heal`].
    Gone,
    /// The store never hears of it.
    Before(Reply),
    /// The store has done it, and this comes in place of its answer.
    After(Reply),
    /// The store has done it, and its answer is half a document.
    Truncated,
    /// The store has done it, and the connection ends in the middle of its answer.
    CutOff,
}

/// What the client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The connection is closed in good order, without an answer.
    Closed,
    /// The connection is reset.
    Reset,
    /// Nothing, ever.
    Nothing,
    /// An error by its status, and for those who read it by its code.
    Error(StoreError),
    /// Status 200 with the document of an `InternalError`.
    ErrorInOk,
}

/// The errors that a store may answer, by S3's names.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the code of that name")]
pub enum StoreError {
    InternalError,
    SlowDown,
    ExpiredToken,
    RequestTimeTooSkewed,
    NoSuchKey,
    ConditionalRequestConflict,
    PreconditionFailed,
}

impl StoreError {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::SlowDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::ExpiredToken | Self::RequestTimeTooSkewed => StatusCode::FORBIDDEN,
            Self::NoSuchKey => StatusCode::NOT_FOUND,
            Self::ConditionalRequestConflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        }
    }

    pub(super) fn document(self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{self:?}</Code><Message>planned</Message>\
             <RequestId>0</RequestId></Error>"
        )
    }
}
