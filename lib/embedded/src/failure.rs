//! What can go wrong below the S3 operations, and the one place where it becomes an S3 answer and a log line.

use std::io;

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// Why a piece of blocking work did not give its result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request is at fault; the answer says how.
    Refused(S3Error),
    /// A blob file could not be read or written.
    Io(io::Error),
    /// The index could not be read or written.
    Index(Box<redb::Error>),
    /// A record in the index is not one of ours.
    Record(postcard::Error),
}

impl Failure {
    /// The answer to the caller. What is not the caller's fault is logged here, once, and not told in detail.
    pub(crate) fn into_s3_error(self) -> S3Error {
        match self {
            Self::Refused(error) => error,
            Self::Io(error) if is_full(&error) => full(&error),
            Self::Io(error) => internal(&error),
            Self::Index(error) => {
                if let redb::Error::Io(ref io) = *error
                    && is_full(io)
                {
                    return full(io);
                }
                internal(&*error)
            }
            Self::Record(error) => internal(&error),
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn full(error: &io::Error) -> S3Error {
    tracing::error!(%error, "the embedded store's disk is full");
    out_of_space()
}

/// 507, as MinIO answers when its disk is full; AWS has no such case.
pub(crate) fn out_of_space() -> S3Error {
    let code = S3ErrorCode::Custom("InsufficientStorage".into());
    let mut answer = S3Error::with_message(code, "The store has no room for this object.");
    answer.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    answer
}

fn internal(error: &dyn std::error::Error) -> S3Error {
    tracing::error!(%error, "the embedded store failed");
    S3Error::with_message(
        S3ErrorCode::InternalError,
        "We encountered an internal error. Please try again.",
    )
}

/// 500 for a blocking task or the index's writer that is gone: only a shutdown or a bug does that.
pub(crate) fn gone(what: &'static str) -> S3Error {
    tracing::error!(what, "the embedded store stopped in the middle of a request");
    S3Error::with_message(S3ErrorCode::InternalError, "The store is shutting down.")
}

impl From<S3Error> for Failure {
    fn from(error: S3Error) -> Self {
        Self::Refused(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<postcard::Error> for Failure {
    fn from(error: postcard::Error) -> Self {
        Self::Record(error)
    }
}

impl From<redb::Error> for Failure {
    fn from(error: redb::Error) -> Self {
        Self::Index(Box::new(error))
    }
}

impl From<redb::StorageError> for Failure {
    fn from(error: redb::StorageError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TableError> for Failure {
    fn from(error: redb::TableError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TransactionError> for Failure {
    fn from(error: redb::TransactionError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::CommitError> for Failure {
    fn from(error: redb::CommitError) -> Self {
        redb::Error::from(error).into()
    }
}
