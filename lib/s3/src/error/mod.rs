//! The meaning of the SDK's errors. They are read here and nowhere else.
//!
//! An [`Error`] contains nothing of a request: only the message of the store, and the reason of a failed connection.

mod kind;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::iter;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStreamError;
use aws_smithy_runtime_api::client::interceptors::error::InterceptorError;
use draftstore_storage::{BucketName, Error, ErrorKind, ObjectKey, Operation};

use self::kind::kind_of_answer;
use crate::whole::root_of_whole;

pub(crate) use self::kind::kind_of_code;

/// A call in progress, with the properties that an [`Error`] names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    operation: Operation,
    bucket: &'a BucketName,
    key: Option<&'a ObjectKey>,
}

/// The maximum length of a foreign message in characters: enough for all reasons of the credential chain.
const MAX_TEXT_CHARS: usize = 1000;

/// The message of a store or a connection.
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
    pub(crate) fn on_bucket(operation: Operation, bucket: &'a BucketName) -> Self {
        Self {
            operation,
            bucket,
            key: None,
        }
    }

    pub(crate) fn on_key(operation: Operation, bucket: &'a BucketName, key: &'a ObjectKey) -> Self {
        Self {
            operation,
            bucket,
            key: Some(key),
        }
    }

    /// The error for an SDK error.
    pub(crate) fn failed<E>(self, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let (kind, cause) = read(error);
        self.error(kind, cause)
    }

    /// The error for an SDK error of a call on one version. To an ID that no version can have, stores answer 400, and to that
    /// of a delete marker 405.
    pub(crate) fn failed_on_version<E>(self, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let mut failed = self.failed(error);
        if let SdkError::ServiceError(service) = error
            && matches!(
                (service.raw().status().as_u16(), service.err().code()),
                (400, None | Some("InvalidArgument")) | (405, _)
            )
        {
            failed.kind = ErrorKind::NotFound;
        }
        failed
    }

    /// The error where there are no credentials to sign with.
    pub(crate) fn without_credentials(self, error: &CredentialsError) -> Error {
        self.error(ErrorKind::CredentialsRefused, Cause::NoAnswer(chain(error)))
    }

    /// The error for an impossible response, or a request that should not have been made.
    pub(crate) fn unexpected(self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Unexpected, Cause::Unexpected(what.into()))
    }

    /// The error for a version that is not the one asked for, on a store that ignores the condition.
    pub(crate) fn changed(self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::PreconditionFailed, Cause::Unexpected(what.into()))
    }

    /// The error for a truncated body.
    pub(crate) fn broken_off(self, error: &ByteStreamError) -> Error {
        self.error(ErrorKind::Unavailable, Cause::NoAnswer(chain(error)))
    }

    /// The error for one key of several in a response.
    pub(crate) fn refused_key(self, kind: ErrorKind, code: &str, message: &str) -> Error {
        self.error(kind, Cause::Unexpected(one_line(&format!("{code}: {message}"))))
    }

    /// The error for a response that ends before the outcome of the call.
    pub(crate) fn cut_short(self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Unavailable, Cause::Unexpected(what.into()))
    }

    /// The error for a call that a probe found not to work.
    pub(crate) fn unsupported(self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Unsupported, Cause::Unexpected(what.into()))
    }

    /// The error for a request that exceeds a known limit, and is not sent.
    pub(crate) fn too_large(self, what: impl Into<String>) -> Error {
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
        // The connection broke within the answer, whose beginning may still tell something, or the answer is no document
        // of S3.
        SdkError::ResponseError(response) => {
            let status = response.raw().status();
            let root = response.raw().body().bytes().and_then(root_of_whole);
            // An error with status 200 is that of a store that fails.
            let whole = root.is_some_and(|root| root != "Error");
            let kind = match status.is_success() {
                true if whole => ErrorKind::Unexpected,
                true => ErrorKind::Unavailable,
                false => kind_of_answer(status.as_u16(), None, ""),
            };
            let prefix = if whole { "the response cannot be parsed: " } else { "" };
            let message = format!("{prefix}{}", chain(error));
            (kind, answer(response.raw(), None, &message))
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

/// Returns the text in one line without control characters, so that a message of the store cannot look like a log line.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_TEXT_CHARS)
        .collect()
}
