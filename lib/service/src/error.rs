//! Why a request was not granted, by what the caller can do about it.

use draftstore_protocol::confirm::ConfirmError;
use draftstore_storage as storage;
use draftstore_storage::ErrorKind;
use tokio::task::JoinError;

use crate::{Scope, Violation};

/// A request that was not granted. The fronts map each variant to a status; the source is for the log alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields break rules. Nothing was asked of the store.
    #[error("the request is invalid")]
    Invalid(Vec<Violation>),
    /// The caller's credentials have expired since it was authenticated.
    #[error("the credentials are not valid")]
    CredentialsExpired,
    /// The caller may not make calls of this kind.
    #[error("the caller may not do this: it lacks the scope {0}")]
    NotAllowed(Scope),
    /// There is nothing to sign tickets with.
    #[error("tickets are not configured: the server needs TICKET_KEYS_FILE")]
    NoTickets,
    /// The caller has as many drafts as it may have at a time.
    #[error("no more uploads: there are {most} drafts by this ticket, and it is for no more")]
    NoMoreUploads {
        /// How many that are.
        most: u8,
    },
    /// What the request names is not there, or not to this caller.
    #[error("{0} not found")]
    NotFound(Missing),
    /// Another draft of the same atomic batch could not be confirmed, so this one was not either.
    #[error("another draft of the atomic batch could not be confirmed")]
    RolledBack,
    /// Main holds another object under the name.
    #[error("the main bucket already holds another object of this name")]
    AlreadyExists,
    /// The draft, or what is to be replaced in main, is not what the caller insists on.
    #[error("{pin} does not match what is stored")]
    PinMismatch {
        /// The field that does not match.
        pin: &'static str,
    },
    /// Another version of a part has arrived than the caller insists on.
    #[error("parts[{place}].etag does not match what is stored")]
    PartMismatch {
        /// Its place among the parts that the caller names.
        place: usize,
    },
    /// What has arrived of an upload is not the whole of it.
    #[error("the upload is not complete")]
    Incomplete(Vec<Violation>),
    /// Over one of the store's limits.
    #[error("{field} is too large: at most {limit} bytes")]
    TooLarge {
        /// The field that is over it.
        field: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// The store refused this server's own credentials.
    #[error("the store refused this server's credentials")]
    StoreCredentials(#[source] storage::Error),
    /// The store is unreachable or failing; the same request may succeed later.
    #[error("the store is unavailable")]
    StoreUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store answered what it should not have, or there is a bug here.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No draft of that name, and none was confirmed under it.
    #[error("draft")]
    Draft,
    /// Neither a draft nor a confirmed object, or not in the stage that was asked for.
    #[error("object")]
    Object,
    /// No upload in parts of that ID to that draft: it was completed, aborted, or has ended.
    #[error("upload")]
    Upload,
    /// The buckets were not made yet.
    #[error("bucket")]
    Bucket,
}

impl From<storage::Error> for Error {
    /// For errors that mean nothing special where they occur.
    fn from(error: storage::Error) -> Self {
        match error.kind {
            ErrorKind::BucketNotFound => Self::NotFound(Missing::Bucket),
            ErrorKind::CredentialsRefused => Self::StoreCredentials(error),
            ErrorKind::Unavailable | ErrorKind::Conflict => Self::StoreUnavailable(Box::new(error)),
            ErrorKind::NotFound => Self::NotFound(Missing::Object),
            ErrorKind::PreconditionFailed | ErrorKind::TooLarge | ErrorKind::Unsupported | ErrorKind::Unexpected => {
                Self::Internal(Box::new(error))
            }
        }
    }
}

impl From<ConfirmError<storage::Error>> for Error {
    fn from(error: ConfirmError<storage::Error>) -> Self {
        match error {
            ConfirmError::DraftNotFound => Self::NotFound(Missing::Draft),
            ConfirmError::AlreadyExists => Self::AlreadyExists,
            ConfirmError::PinMismatch { pin } => Self::PinMismatch { pin },
            ConfirmError::RolledBack => Self::RolledBack,
            ConfirmError::Store(error) => error.into(),
            ConfirmError::Unresolved(unresolved) => Self::StoreUnavailable(Box::new(unresolved)),
            ConfirmError::Contradiction(contradiction) => Self::Internal(Box::new(contradiction)),
        }
    }
}

impl From<JoinError> for Error {
    /// For a task that did not come to its answer. What a panic says stays out, for it may hold what a caller sent.
    fn from(error: JoinError) -> Self {
        let why = if error.is_panic() {
            "a task has panicked"
        } else {
            "a task was cancelled"
        };
        Self::Internal(why.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_panic_says_is_not_in_the_error() {
        let panicked = tokio::spawn(async { panic!("hush") }).await;
        let error = Error::from(panicked.expect_err("it panics"));
        assert!(matches!(error, Error::Internal(_)));
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }
}
