//! The meaning of S3's error codes and statuses.

use draftstore_storage::ErrorKind;

/// The meaning of an answer that is no success: by its code where we know it, else by its status.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
pub(super) fn kind_of_answer(status: u16, code: Option<&str>, message: &str) -> ErrorKind {
    if code == Some("InvalidRequest") {
        // AWS has no code of its own for a copy over 5 GiB.
        if message.contains("larger than the maximum allowable size") {
            return ErrorKind::TooLarge;
        }
        // Garage, of an upload that another completion of the key has just ended.
        if message.contains("No data was uploaded") {
            return ErrorKind::NotFound;
        }
    }
    code.and_then(kind_of_code).unwrap_or_else(|| kind_of_status(status))
}

/// The meaning of a store's error code, where we know it.
pub(crate) fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchKey" | "NoSuchUpload" | "NoSuchVersion" | "NotFound" => ErrorKind::NotFound,
        "NoSuchBucket" => ErrorKind::BucketNotFound,
        "InvalidObjectState" => ErrorKind::Archived,
        "PreconditionFailed" => ErrorKind::PreconditionFailed,
        // A part was sent again between the list and the completion.
        "ConditionalRequestConflict" | "InvalidPart" | "OperationAborted" => ErrorKind::Conflict,
        "EntityTooLarge"
        | "KeyTooLongError"
        | "MaxMessageLengthExceeded"
        | "MetadataTooLarge"
        | "RequestHeaderSectionTooLarge" => ErrorKind::TooLarge,
        "AccessDenied"
        | "AccountProblem"
        | "AllAccessDisabled"
        | "AuthorizationHeaderMalformed"
        // A bucket of that name belongs to somebody else.
        | "BucketAlreadyExists"
        | "ExpiredToken"
        | "InvalidAccessKeyId"
        | "InvalidSecurity"
        | "InvalidToken"
        | "NotSignedUp"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "TokenRefreshRequired" => ErrorKind::CredentialsRefused,
        // A class, a lock or a key that the store or the bucket does not have.
        "InvalidStorageClass"
        | "KMS.DisabledException"
        | "KMS.NotFoundException"
        | "MethodNotAllowed"
        | "NotImplemented"
        | "ObjectLockConfigurationNotFoundError" => ErrorKind::Unsupported,
        "InternalError"
        | "RequestLimitExceeded"
        | "RequestTimeout"
        | "ServiceUnavailable"
        | "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests" => ErrorKind::Unavailable,
        _ => return None,
    })
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        404 => ErrorKind::NotFound,
        412 => ErrorKind::PreconditionFailed,
        409 => ErrorKind::Conflict,
        413 => ErrorKind::TooLarge,
        401 | 403 => ErrorKind::CredentialsRefused,
        405 | 501 => ErrorKind::Unsupported,
        408 | 429 | 500 | 502..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    }
}
