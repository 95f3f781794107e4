//! Errors of calls, by what the caller can do about them.

use draftstore_protocol::checks::{Reason, SilentScanner};
use draftstore_protocol::confirm::{ConfirmError, MAX_COPY_BYTES};
use draftstore_protocol::kept::{DeleteError, RestoreError, TransferError};
use draftstore_protocol::upload::CompletionError;
use draftstore_storage as storage;
use draftstore_storage::{ErrorKind, Retention, StorageOption};
use tokio::task::JoinError;

use crate::draft::options::tags_rule;
use crate::{Amount, ConfirmOutcome, Scope, Violation};

/// The maximum size of the metadata of an object, with the server's own, in bytes. The limit of S3.
const MAX_STORED_METADATA_BYTES: u64 = 2048;

/// The error of a call. REST and gRPC map each variant to a status. The source is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks the rules of some fields. The store was not called.
    #[error("the request is invalid")]
    Invalid(Vec<Violation>),
    /// The caller's credentials have expired since they were checked.
    #[error("the credentials are not valid")]
    CredentialsExpired,
    /// The caller lacks the scope of the call.
    #[error("the call requires the scope {0}, which the caller lacks")]
    NotAllowed(Scope),
    /// The call is for callers that may use all names of their tenant.
    #[error("the call requires credentials that are not restricted to some names")]
    RestrictedNames,
    /// No sweep has counted the objects yet, or none tells the caller's tenant apart.
    #[error("no sweep has counted the objects of this tenant yet")]
    UsageNotCounted,
    /// The server has no key to sign tickets with.
    #[error("tickets are not configured: the server needs TICKET_KEYS_FILE")]
    NoTickets,
    /// The server keeps no feed of events.
    #[error("no events are kept: the server needs EVENTS_FEED=on")]
    NoFeed,
    /// The caller has as many drafts and multipart uploads as its ticket allows.
    #[error(
        "the ticket has as many drafts and uploads as it allows ({most} at a time): discard, confirm or abort one first"
    )]
    NoMoreUploads {
        /// The number of drafts that the ticket allows.
        most: u8,
    },
    /// The draft, object, upload or bucket does not exist, or the caller may not see it.
    #[error("{0} not found")]
    NotFound(Missing),
    /// The confirm was rolled back because another draft of the atomic batch could not be confirmed.
    #[error("another draft of the atomic batch could not be confirmed")]
    RolledBack,
    /// The checks reject the draft, for these reasons.
    #[error("the draft was rejected by its checks")]
    Rejected(Vec<Reason>),
    /// The checks of the draft have not ended yet. The same request may succeed later.
    #[error("the checks of the draft have not ended yet")]
    ChecksPending,
    /// The scanner had no result in time. The same request may succeed later.
    #[error("{0} did not scan the draft in time")]
    ScannerUnavailable(SilentScanner),
    /// The object is in an archive class, and has to be restored before it can be read or copied.
    #[error("the object is archived")]
    Archived,
    /// Main holds another object under the name.
    #[error("the main bucket already holds another object of this name")]
    AlreadyExists,
    /// The draft was confirmed to another destination, or to the main bucket if there is none.
    #[error("the draft was confirmed to another destination")]
    ConfirmedElsewhere(Option<String>),
    /// The draft, or the object to replace in main, does not match the caller's pins.
    #[error("{pin} does not match what is stored")]
    PinMismatch {
        /// The name of the field that does not match.
        pin: &'static str,
    },
    /// Another call replaced or deleted the object in main meanwhile.
    #[error("another call replaced or deleted the object in main meanwhile")]
    Changed,
    /// The confirm, the batch or another move of the object may not have ended, and still undo or delete it. The same request
    /// may succeed later.
    #[error("a confirm or a move that may not have ended has the object")]
    Busy,
    /// A retention or a legal hold keeps the version from being deleted.
    #[error("the version is locked")]
    Locked(Lock),
    /// The retention of the object is in force, and would be shortened, or get a weaker mode.
    #[error("the retention is in force, and may only be extended")]
    ShorterRetention(Retention),
    /// Main has no versioning.
    #[error("the main bucket has no versioning")]
    NoVersions,
    /// The store does not let the server delete in main.
    #[error("the store does not let the server delete in the main bucket")]
    DeletesNotPermitted(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Main holds the object of another request with the same idempotency key, or the batch has another one.
    #[error("the idempotency key was already used for another request")]
    KeyReused,
    /// The store holds another version of a part than the request names.
    #[error("parts[{place}].etag does not match what is stored")]
    PartMismatch {
        /// The index of the part in the request.
        place: usize,
    },
    /// Some parts or bytes of the upload are missing, or there are too many.
    #[error("the upload is not complete")]
    Incomplete(Vec<Violation>),
    /// The object exceeds a limit of the store or of the caller.
    #[error("{field} is too large: at most {}", Amount::bytes(*.limit))]
    TooLarge {
        /// The name of the field that exceeds the limit.
        field: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// The store refused this server's own credentials.
    #[error("the store refused this server's credentials")]
    StoreCredentials(#[source] storage::Error),
    /// The store is unreachable or failing. The same request may succeed later.
    #[error("the store is unavailable")]
    StoreUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store lacks what the call needs. A retry cannot succeed.
    #[error("the store does not support what the call needs")]
    StoreUnsupported(#[source] storage::Error),
    /// The store, or the main bucket, lacks what a storage option needs. A retry cannot succeed.
    #[error("the store does not support storage_options.{}, or not with this value", .0.as_str())]
    OptionUnsupported(StorageOption),
    /// The store sent an invalid response, or the server has a bug.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The lock of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The retention, if it is in force.
    pub retention: Option<Retention>,
    /// `true` if there is a legal hold.
    pub legal_hold: bool,
}

/// The kind of a missing resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The draft does not exist, and was not confirmed before.
    #[error("draft")]
    Draft,
    /// There is no object of that name in the requested stage.
    #[error("object")]
    Object,
    /// The object has no version of that ID, or none at all.
    #[error("version")]
    Version,
    /// The draft has no multipart upload of that ID: it was completed or aborted, or has ended.
    #[error("upload")]
    Upload,
    /// The policy has no webhook of that name, and no event is kept for one.
    #[error("webhook")]
    Webhook,
    /// The buckets have not been created yet.
    #[error("bucket")]
    Bucket,
}

impl From<storage::Error> for Error {
    /// Converts an error that has no special meaning for the call.
    fn from(error: storage::Error) -> Self {
        match error.kind {
            ErrorKind::BucketNotFound => Self::NotFound(Missing::Bucket),
            ErrorKind::CredentialsRefused => Self::StoreCredentials(error),
            ErrorKind::Unavailable | ErrorKind::Conflict => Self::StoreUnavailable(Box::new(error)),
            ErrorKind::NotFound => Self::NotFound(Missing::Object),
            ErrorKind::Archived => Self::Archived,
            ErrorKind::Unsupported => Self::StoreUnsupported(error),
            ErrorKind::PreconditionFailed | ErrorKind::TooLarge | ErrorKind::Unexpected => {
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
            ConfirmError::KeyReused => Self::KeyReused,
            ConfirmError::PinMismatch { pin } => Self::PinMismatch { pin },
            ConfirmError::Rejected(reasons) => Self::Rejected(reasons),
            ConfirmError::ChecksPending => Self::ChecksPending,
            ConfirmError::ScannerUnavailable(scanner) => Self::ScannerUnavailable(scanner),
            ConfirmError::RolledBack => Self::RolledBack,
            ConfirmError::TooManyTags => Self::Invalid(vec![Violation::new(
                "storage_options.tags",
                format!("{}, with those of the upload and of the caller's profile", tags_rule()),
            )]),
            ConfirmError::Changed => Self::Changed,
            ConfirmError::Store(error) => error.into(),
            ConfirmError::Unresolved(unresolved) => Self::StoreUnavailable(Box::new(unresolved)),
            ConfirmError::Contradiction(contradiction) => Self::Internal(Box::new(contradiction)),
        }
    }
}

impl From<CompletionError<storage::Error>> for Error {
    fn from(error: CompletionError<storage::Error>) -> Self {
        match error {
            CompletionError::Store(error) => error.into(),
            CompletionError::OutOfStep => Self::Internal(Box::new(error)),
        }
    }
}

impl From<DeleteError<storage::Error>> for Error {
    fn from(error: DeleteError<storage::Error>) -> Self {
        match error {
            DeleteError::PinMismatch => Self::PinMismatch { pin: "if_match" },
            DeleteError::Changed => Self::Changed,
            DeleteError::NotPermitted(error) => Self::DeletesNotPermitted(Box::new(error)),
            DeleteError::Store(error) => error.into(),
            DeleteError::Held => Self::Busy,
            unresolved @ DeleteError::Unresolved(_) => Self::StoreUnavailable(Box::new(unresolved)),
            DeleteError::OutOfStep => Self::Internal(Box::new(error)),
        }
    }
}

impl From<RestoreError<storage::Error>> for Error {
    fn from(error: RestoreError<storage::Error>) -> Self {
        match error {
            RestoreError::NotFound => Self::NotFound(Missing::Version),
            RestoreError::PinMismatch => Self::PinMismatch { pin: "if_match" },
            RestoreError::AlreadyExists => Self::AlreadyExists,
            RestoreError::Changed => Self::Changed,
            RestoreError::Store(error) if error.kind == ErrorKind::TooLarge => Self::TooLarge {
                field: "version_id",
                limit: MAX_COPY_BYTES,
            },
            RestoreError::Store(error) => error.into(),
            RestoreError::Held => Self::Busy,
            unresolved @ RestoreError::Unresolved(_) => Self::StoreUnavailable(Box::new(unresolved)),
            RestoreError::OutOfStep => Self::Internal(Box::new(error)),
        }
    }
}

impl From<TransferError<storage::Error>> for Error {
    fn from(error: TransferError<storage::Error>) -> Self {
        match error {
            TransferError::NotFound => Self::NotFound(Missing::Object),
            TransferError::PinMismatch { pin } => Self::PinMismatch { pin },
            TransferError::AlreadyExists => Self::AlreadyExists,
            TransferError::Changed => Self::Changed,
            TransferError::NotPermitted(error) => Self::DeletesNotPermitted(Box::new(error)),
            // The metadata of the object and that of the request are too large together.
            TransferError::Store(error) if error.kind == ErrorKind::TooLarge => Self::TooLarge {
                field: "metadata",
                limit: MAX_STORED_METADATA_BYTES,
            },
            TransferError::Store(error) => error.into(),
            TransferError::Held => Self::Busy,
            TransferError::KeyReused => Self::KeyReused,
            TransferError::ShorterRetention(retention) => Self::ShorterRetention(retention),
            unresolved @ TransferError::Unresolved(_) => Self::StoreUnavailable(Box::new(unresolved)),
            TransferError::CopyDiffers | TransferError::OutOfStep => Self::Internal(Box::new(error)),
        }
    }
}

impl From<JoinError> for Error {
    /// Converts the error of a task that did not finish. Leaves out the message of a panic, which may contain data of a
    /// caller.
    fn from(error: JoinError) -> Self {
        let why = if error.is_panic() {
            "a task panicked"
        } else {
            "a task was cancelled"
        };
        Self::Internal(why.into())
    }
}

impl ConfirmOutcome {
    /// Returns the outcome of a confirm that failed.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::NotFound(_) => Self::NotFound,
            Error::AlreadyExists | Error::ConfirmedElsewhere(_) => Self::AlreadyExists,
            Error::PinMismatch { .. } | Error::PartMismatch { .. } => Self::PinMismatch,
            Error::KeyReused => Self::KeyReused,
            Error::RolledBack => Self::RolledBack,
            Error::Rejected(_) => Self::Rejected,
            Error::ChecksPending => Self::ChecksPending,
            Error::ScannerUnavailable(_) => Self::ScannerUnavailable,
            Error::StoreUnavailable(_) => Self::StoreUnavailable,
            Error::StoreCredentials(_) => Self::StoreCredentials,
            Error::Invalid(_)
            | Error::CredentialsExpired
            | Error::NotAllowed(_)
            | Error::RestrictedNames
            | Error::UsageNotCounted
            | Error::NoTickets
            | Error::NoFeed
            | Error::NoMoreUploads { .. }
            | Error::Incomplete(_)
            | Error::Archived
            | Error::Changed
            | Error::Busy
            | Error::Locked(_)
            | Error::ShorterRetention(_)
            | Error::NoVersions
            | Error::DeletesNotPermitted(_)
            | Error::TooLarge { .. }
            | Error::StoreUnsupported(_)
            | Error::OptionUnsupported(_)
            | Error::Internal(_) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn error_does_not_contain_the_message_of_a_panic() {
        let panicked = tokio::spawn(async { panic!("hush") }).await;
        let error = Error::from(panicked.expect_err("it panics"));
        assert!(matches!(error, Error::Internal(_)));
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }
}
