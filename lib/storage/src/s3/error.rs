//! What the SDK's errors mean. They are read here and nowhere else.
//!
//! Nothing of a request gets into an [`Error`]: only what the store said, and which way a connection failed.

use std::error::Error as StdError;
use std::iter;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStreamError;
use aws_smithy_runtime_api::client::interceptors::error::InterceptorError;

use crate::{BucketName, Error, ErrorKind, ObjectKey, Operation};

/// A call in progress: what an [`Error`] says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    operation: Operation,
    bucket: &'a BucketName,
    key: Option<&'a ObjectKey>,
}

/// Longest text of others that is kept, in characters: enough for each of the chain's reasons to give no credentials.
const MAX_TEXT_CHARS: usize = 1000;

/// What a store or a connection said.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{status} {code}: {message} (request ID {request_id})")]
    Answer {
        status: u16,
        code: String,
        message: String,
        request_id: String,
    },
    #[error("{0}")]
    NoAnswer(String),
    #[error("{0}")]
    Unexpected(String),
}

impl<'a> Call<'a> {
    pub(super) fn on_bucket(operation: Operation, bucket: &'a BucketName) -> Self {
        Self {
            operation,
            bucket,
            key: None,
        }
    }

    pub(super) fn on_key(operation: Operation, bucket: &'a BucketName, key: &'a ObjectKey) -> Self {
        Self {
            operation,
            bucket,
            key: Some(key),
        }
    }

    /// The error for an SDK error.
    pub(super) fn failed<E>(self, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let (kind, cause) = read(error);
        self.error(kind, cause)
    }

    /// The error where there are no credentials to sign with.
    pub(super) fn without_credentials(self, error: &CredentialsError) -> Error {
        self.error(ErrorKind::CredentialsRefused, Cause::NoAnswer(chain(error)))
    }

    /// The error for an answer that cannot be, or a request that should not have been made.
    pub(super) fn unexpected(self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Unexpected, Cause::Unexpected(what.into()))
    }

    /// The error for a body that broke off.
    pub(super) fn broken_off(self, error: &ByteStreamError) -> Error {
        self.error(ErrorKind::Unavailable, Cause::NoAnswer(chain(error)))
    }

    /// The error for what an answer says about one key among several.
    pub(super) fn refused_key(self, kind: ErrorKind, code: &str, message: &str) -> Error {
        self.error(kind, Cause::Unexpected(one_line(&format!("{code}: {message}"))))
    }

    /// The error for an answer that breaks off before it says what came of the call.
    pub(super) fn cut_short(self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Unavailable, Cause::Unexpected(what.into()))
    }

    /// The error for a request over a limit that is known before asking.
    pub(super) fn too_large(self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::TooLarge, Cause::Unexpected(what.into()))
    }

    fn error(self, kind: ErrorKind, cause: Cause) -> Error {
        Error {
            kind,
            operation: self.operation,
            bucket: self.bucket.clone(),
            key: self.key.cloned(),
            source: Box::new(cause),
        }
    }
}

fn read<E>(error: &SdkError<E>) -> (ErrorKind, Cause)
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    if causes(error).any(<dyn StdError>::is::<CredentialsError>) {
        return (ErrorKind::CredentialsRefused, Cause::NoAnswer(chain(error)));
    }
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let (code, message) = (service.err().code(), service.err().message().unwrap_or_default());
            (
                kind_of_answer(status, code, message),
                answer(service.raw(), code, message),
            )
        }
        // The connection broke within the answer, whose beginning may still tell something.
        SdkError::ResponseError(response) => {
            let status = response.raw().status();
            let kind = if status.is_success() {
                ErrorKind::Unavailable
            } else {
                kind_of_answer(status.as_u16(), None, "")
            };
            (kind, answer(response.raw(), None, &chain(error)))
        }
        // A header that cannot be sent, for example.
        SdkError::DispatchFailure(failure)
            if failure.is_user() || causes(error).any(<dyn StdError>::is::<InterceptorError>) =>
        {
            (ErrorKind::Unexpected, Cause::NoAnswer(chain(error)))
        }
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
            (ErrorKind::Unavailable, Cause::NoAnswer(chain(error)))
        }
        SdkError::ConstructionFailure(_) => (ErrorKind::Unexpected, Cause::NoAnswer(chain(error))),
        unknown => (ErrorKind::Unexpected, Cause::NoAnswer(chain(unknown))),
    }
}

/// The meaning of an answer that is no success: by its code where we know it, else by its status.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn kind_of_answer(status: u16, code: Option<&str>, message: &str) -> ErrorKind {
    // AWS has no code of its own for a copy over 5 GiB.
    if code == Some("InvalidRequest") && message.contains("larger than the maximum allowable size") {
        return ErrorKind::TooLarge;
    }
    code.and_then(kind_of_code).unwrap_or_else(|| kind_of_status(status))
}

/// The meaning of a store's error code, where we know it.
pub(super) fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchKey" | "NoSuchUpload" | "NoSuchVersion" | "NotFound" => ErrorKind::NotFound,
        "NoSuchBucket" => ErrorKind::BucketNotFound,
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
        "NotImplemented" | "MethodNotAllowed" => ErrorKind::Unsupported,
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

fn answer(raw: &HttpResponse, code: Option<&str>, message: &str) -> Cause {
    Cause::Answer {
        status: raw.status().as_u16(),
        code: code.unwrap_or("without a code").to_owned(),
        message: one_line(message),
        request_id: raw.headers().get("x-amz-request-id").unwrap_or("unknown").to_owned(),
    }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    one_line(&texts.join(": "))
}

/// So that what a store says cannot look like a line of our log.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_TEXT_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::head_object::HeadObjectError;
    use aws_sdk_s3::primitives::SdkBody;

    use super::*;

    fn service_error(status: u16, code: Option<&str>, message: &str) -> SdkError<HeadObjectError> {
        let raw = HttpResponse::new(
            status.try_into().expect("a status"),
            SdkBody::from("X-Amz-Signature=hush"),
        );
        let mut meta = ErrorMetadata::builder().message(message);
        if let Some(code) = code {
            meta = meta.code(code);
        }
        SdkError::service_error(HeadObjectError::generic(meta.build()), raw)
    }

    fn kind(status: u16, code: Option<&str>) -> ErrorKind {
        read(&service_error(status, code, "")).0
    }

    #[test]
    fn codes_say_what_an_answer_means() {
        let expected = [
            (404, "NoSuchKey", ErrorKind::NotFound),
            (404, "NoSuchUpload", ErrorKind::NotFound),
            (404, "NotFound", ErrorKind::NotFound),
            (404, "NoSuchBucket", ErrorKind::BucketNotFound),
            (412, "PreconditionFailed", ErrorKind::PreconditionFailed),
            (409, "ConditionalRequestConflict", ErrorKind::Conflict),
            (409, "OperationAborted", ErrorKind::Conflict),
            (400, "InvalidPart", ErrorKind::Conflict),
            (400, "EntityTooLarge", ErrorKind::TooLarge),
            (400, "KeyTooLongError", ErrorKind::TooLarge),
            (400, "MetadataTooLarge", ErrorKind::TooLarge),
            (403, "AccessDenied", ErrorKind::CredentialsRefused),
            (403, "InvalidAccessKeyId", ErrorKind::CredentialsRefused),
            (403, "SignatureDoesNotMatch", ErrorKind::CredentialsRefused),
            (403, "RequestTimeTooSkewed", ErrorKind::CredentialsRefused),
            (400, "ExpiredToken", ErrorKind::CredentialsRefused),
            (400, "InvalidToken", ErrorKind::CredentialsRefused),
            (400, "AuthorizationHeaderMalformed", ErrorKind::CredentialsRefused),
            (409, "BucketAlreadyExists", ErrorKind::CredentialsRefused),
            (501, "NotImplemented", ErrorKind::Unsupported),
            (405, "MethodNotAllowed", ErrorKind::Unsupported),
            (500, "InternalError", ErrorKind::Unavailable),
            (200, "InternalError", ErrorKind::Unavailable),
            (503, "SlowDown", ErrorKind::Unavailable),
            (400, "RequestTimeout", ErrorKind::Unavailable),
            (400, "MalformedXML", ErrorKind::Unexpected),
            (301, "PermanentRedirect", ErrorKind::Unexpected),
        ];
        for (status, code, meaning) in expected {
            assert_eq!(kind(status, Some(code)), meaning, "{status} {code}");
        }
    }

    #[test]
    fn an_answer_without_a_known_code_means_what_its_status_says() {
        let expected = [
            (200, ErrorKind::Unexpected),
            (301, ErrorKind::Unexpected),
            (400, ErrorKind::Unexpected),
            (401, ErrorKind::CredentialsRefused),
            (403, ErrorKind::CredentialsRefused),
            (404, ErrorKind::NotFound),
            (405, ErrorKind::Unsupported),
            (408, ErrorKind::Unavailable),
            (409, ErrorKind::Conflict),
            (412, ErrorKind::PreconditionFailed),
            (413, ErrorKind::TooLarge),
            (429, ErrorKind::Unavailable),
            (500, ErrorKind::Unavailable),
            (501, ErrorKind::Unsupported),
            (502, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
            (504, ErrorKind::Unavailable),
            (599, ErrorKind::Unavailable),
        ];
        for (status, meaning) in expected {
            assert_eq!(kind(status, None), meaning, "{status}");
            assert_eq!(kind(status, Some("NeverHeardOf")), meaning, "{status} with a code");
        }
    }

    #[test]
    fn a_copy_over_five_gib_is_too_large() {
        let said = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
        assert_eq!(
            read(&service_error(400, Some("InvalidRequest"), said)).0,
            ErrorKind::TooLarge
        );
        assert_eq!(
            read(&service_error(400, Some("InvalidRequest"), "")).0,
            ErrorKind::Unexpected
        );
    }

    #[test]
    fn lack_of_credentials_is_told_from_lack_of_a_connection() {
        type Failure = SdkError<HeadObjectError>;
        let connector = |source| aws_sdk_s3::error::ConnectorError::other(source, None);
        let lacking = Failure::dispatch_failure(connector(CredentialsError::not_loaded_no_source().into()));
        assert_eq!(read(&lacking).0, ErrorKind::CredentialsRefused);
        let unreachable = Failure::dispatch_failure(aws_sdk_s3::error::ConnectorError::io("refused".into()));
        assert_eq!(read(&unreachable).0, ErrorKind::Unavailable);
        assert_eq!(read(&Failure::timeout_error("late")).0, ErrorKind::Unavailable);
        assert_eq!(
            read(&Failure::construction_failure("bad header")).0,
            ErrorKind::Unexpected
        );
    }

    #[test]
    fn an_answer_that_breaks_off_means_unavailable_unless_its_status_says_more() {
        let cut = |status: u16| {
            let raw = HttpResponse::new(status.try_into().expect("a status"), SdkBody::empty());
            read(&SdkError::<HeadObjectError>::response_error("connection reset", raw)).0
        };
        assert_eq!(cut(200), ErrorKind::Unavailable);
        assert_eq!(cut(403), ErrorKind::CredentialsRefused);
    }

    #[test]
    fn errors_name_the_call_and_never_show_the_raw_answer() {
        let bucket: BucketName = "main-draft".parse().expect("valid");
        let key = ObjectKey::new("a b.txt").expect("valid");
        let call = Call::on_key(Operation::HeadObject, &bucket, &key);
        let error = call.failed(&service_error(
            403,
            Some("SignatureDoesNotMatch"),
            "it does\n not match",
        ));
        assert_eq!(
            error.to_string(),
            "HeadObject of main-draft/a b.txt: the store refused our credentials"
        );
        let source = error.source.to_string();
        assert_eq!(
            source,
            "403 SignatureDoesNotMatch: it does not match (request ID unknown)"
        );
        assert!(!format!("{error:?}").contains("hush"));
    }
}
