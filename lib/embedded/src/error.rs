//! The errors of the layers below the S3 operations, and their only conversion to an S3 error and a log line.

use std::io;

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// An error of blocking work on blobs or the index.
#[derive(Debug)]
pub(crate) enum BackendError {
    /// The request is invalid. The S3 error is returned to the caller.
    Rejected(S3Error),
    /// A blob file could not be read or written.
    Io(io::Error),
    /// The index could not be read or written.
    Index(Box<redb::Error>),
    /// A record in the index could not be encoded or decoded.
    Record(postcard::Error),
}

impl BackendError {
    /// Converts to the S3 error for the caller. Server-side errors are logged here, once, and hidden from the caller.
    pub(crate) fn into_s3_error(self) -> S3Error {
        match self {
            Self::Rejected(error) => error,
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
    tracing::error!(%error, "embedded store disk full");
    out_of_space()
}

/// The error for a full disk: 507, like MinIO. AWS has no such error.
pub(crate) fn out_of_space() -> S3Error {
    let code = S3ErrorCode::Custom("InsufficientStorage".into());
    let mut answer = S3Error::with_message(code, "The store's disk is full. Free space, then try again.");
    answer.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    answer
}

fn internal(error: &dyn std::error::Error) -> S3Error {
    tracing::error!(%error, "embedded store error");
    S3Error::with_message(
        S3ErrorCode::InternalError,
        "We encountered an internal error. Please try again.",
    )
}

/// The error for a blocking task or index writer that has ended, which only a shutdown or a bug causes. 500.
pub(crate) fn stopped(what: &'static str) -> S3Error {
    tracing::error!(task = what, "embedded store stopped during a request");
    S3Error::with_message(
        S3ErrorCode::InternalError,
        "The store is shutting down. Try again when it is running.",
    )
}

impl From<S3Error> for BackendError {
    fn from(error: S3Error) -> Self {
        Self::Rejected(error)
    }
}

impl From<io::Error> for BackendError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<postcard::Error> for BackendError {
    fn from(error: postcard::Error) -> Self {
        Self::Record(error)
    }
}

impl From<redb::Error> for BackendError {
    fn from(error: redb::Error) -> Self {
        Self::Index(Box::new(error))
    }
}

impl From<redb::StorageError> for BackendError {
    fn from(error: redb::StorageError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TableError> for BackendError {
    fn from(error: redb::TableError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TransactionError> for BackendError {
    fn from(error: redb::TransactionError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::CommitError> for BackendError {
    fn from(error: redb::CommitError) -> Self {
        redb::Error::from(error).into()
    }
}
