//! Errors of calls to a store.

use std::error::Error as StdError;
use std::fmt;

use crate::{BucketName, ObjectKey, Operation};

/// The error of a call to the store.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of {}: {kind}", Target(.bucket, .key.as_ref()))]
pub struct Error {
    /// The meaning of the error.
    pub kind: ErrorKind,
    /// The call that failed.
    pub operation: Operation,
    /// The bucket of the call.
    pub bucket: BucketName,
    /// The key of the call, if it has one.
    pub key: Option<ObjectKey>,
    /// The error of the store or the connection. For the log, never for a caller.
    #[source]
    pub source: Box<dyn StdError + Send + Sync>,
}

struct Target<'a>(&'a BucketName, Option<&'a ObjectKey>);

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(key) => write!(f, "{}/{key}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The meaning of a store's error, by what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ErrorKind {
    /// The object or the upload does not exist.
    #[error("not found")]
    NotFound,
    /// The bucket does not exist.
    #[error("no such bucket")]
    BucketNotFound,
    /// A condition did not hold (412). The call is known to have changed nothing.
    #[error("a precondition did not hold")]
    PreconditionFailed,
    /// The object is in an archive class, and has to be restored before it can be read or copied.
    #[error("archived")]
    Archived,
    /// Concurrent writers were in conflict (409). The call changed nothing and may be repeated.
    #[error("concurrent writers")]
    Conflict,
    /// The object or request exceeds a limit of the store.
    #[error("too large")]
    TooLarge,
    /// The credentials are missing, invalid or expired, or do not permit the call.
    #[error("the store refused the credentials")]
    CredentialsRefused,
    /// The store does not implement the call.
    #[error("not supported by this store")]
    Unsupported,
    /// The store is overloaded, failing, too slow or unreachable.
    #[error("the store is unavailable")]
    Unavailable,
    /// Any other error: an invalid response, or a request that should not have been sent.
    #[error("unexpected response")]
    Unexpected,
}
