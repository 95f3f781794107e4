//! The table of errors: the code, HTTP status and gRPC code of each error. Both fronts, batches, the audit and `OpenAPI` use it.
//!
//! A new error needs a variant in its enum, and an arm here.

use std::error::Error as StdError;

use axum::http::{Method, StatusCode};
use draftstore_auth::Unauthenticated;
use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{CheckReason, SilentScanner};
use draftstore_service::{Amount, Error, Lock, Missing, Retention, RetentionMode, Scope, Violation};
use tonic::Code;

use crate::refusal::{Limit, Refusal, StreamEnd};

/// Seconds that a caller should wait before a retry when the server or the store is unavailable.
const RETRY_AFTER_SECONDS: u32 = 2;

/// Seconds that a caller should wait before it begins a stream that has ended again.
const STREAM_AGAIN_AFTER_SECONDS: u32 = 1;

/// The maximum number of violations in the human-readable message.
const MAX_RULES_IN_SENTENCE: usize = 10;

/// A failed or refused request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An error of the service.
    #[error(transparent)]
    Service(#[from] Error),
    /// A refusal of the gate.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A path without a route, already redacted.
    #[error("no route for {0}")]
    NoRoute(String),
    /// A method that the route does not support.
    #[error("method {0} is not allowed")]
    WrongMethod(Method),
    /// A panic in a handler, which is a bug. The panic's message may contain request data, so it is dropped.
    #[error("internal error")]
    Panicked,
}

impl Failure {
    /// Creates the failure of one invalid field.
    pub(crate) fn invalid(field: &str, rule: &str) -> Self {
        Error::Invalid(vec![Violation::new(field, rule)]).into()
    }
}

/// A stable reason with its statuses and its meaning: `ErrorInfo.reason`, and `code` in problem+json.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) name: &'static str,
    pub(crate) http: StatusCode,
    pub(crate) grpc: Code,
    /// The sentence for the documentation.
    pub(crate) meaning: &'static str,
}

macro_rules! reasons {
    ($($reason:ident: $http:ident, $grpc:ident, $meaning:literal;)*) => {
        $(pub(crate) const $reason: Reason = Reason {
            name: stringify!($reason),
            http: StatusCode::$http,
            grpc: Code::$grpc,
            meaning: $meaning,
        };)*

        /// All reasons, in the order of the HTTP statuses, with those of one cause together.
        pub(crate) const REASONS: &[Reason] = &[$($reason),*];
    };
}

reasons! {
    INVALID_REQUEST: BAD_REQUEST, InvalidArgument, "The request is malformed or invalid. `errors` names every invalid field.";
    UNAUTHENTICATED: UNAUTHORIZED, Unauthenticated, "The request has no valid credentials.";
    TICKET_EXPIRED: UNAUTHORIZED, Unauthenticated, "The ticket has expired. The page asks its backend for a new one.";
    TOKEN_EXPIRED: UNAUTHORIZED, Unauthenticated, "The token has expired.";
    PERMISSION_DENIED: FORBIDDEN, PermissionDenied, "The caller does not have the scope of the call, or is restricted to some names and the call is not.";
    ORIGIN_NOT_ALLOWED: FORBIDDEN, PermissionDenied, "Pages of the origin may not use the server.";
    HOST_NOT_ALLOWED: MISDIRECTED_REQUEST, PermissionDenied, "The server does not have the name that the request is for.";
    NO_SUCH_ROUTE: NOT_FOUND, Unimplemented, "The path does not exist.";
    DRAFT_NOT_FOUND: NOT_FOUND, NotFound, "The draft does not exist, or belongs to another tenant.";
    OBJECT_NOT_FOUND: NOT_FOUND, NotFound, "The object does not exist, or belongs to another tenant.";
    VERSION_NOT_FOUND: NOT_FOUND, NotFound, "The object has no such version, or belongs to another tenant.";
    UPLOAD_NOT_FOUND: NOT_FOUND, NotFound, "The upload was completed or aborted, has expired, or belongs to another tenant.";
    WEBHOOK_NOT_FOUND: NOT_FOUND, NotFound, "The policy has no webhook of the name.";
    BUCKET_NOT_FOUND: NOT_FOUND, NotFound, "The bucket does not exist yet.";
    USAGE_NOT_COUNTED: NOT_FOUND, NotFound, "No sweep has counted the objects of the tenant yet.";
    METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED, Unimplemented, "The path does not support the method.";
    REQUEST_TIMEOUT: REQUEST_TIMEOUT, DeadlineExceeded, "The request did not arrive in time.";
    OBJECT_ALREADY_EXISTS: CONFLICT, AlreadyExists, "Main already contains another object with the name, or the draft was confirmed to another destination, which `errors` then names.";
    OBJECT_CHANGED: CONFLICT, Aborted, "Another call replaced or deleted the object in main meanwhile. Look at it before you repeat the call.";
    OBJECT_ARCHIVED: CONFLICT, FailedPrecondition, "The object is in an archive class, and has not been made readable.";
    OBJECT_BUSY: CONFLICT, Aborted, "A confirm, an atomic batch or a move that may not have ended has the object, and may still undo or delete it. Retry after the seconds in `Retry-After`. It can take ten minutes.";
    OBJECT_LOCKED: CONFLICT, FailedPrecondition, "A retention or a legal hold keeps the version from being deleted, or the retention from being shortened. `errors` says which, and until when.";
    NO_MORE_UPLOADS: CONFLICT, ResourceExhausted, "The ticket has as many drafts as its `max_uploads` allows.";
    BATCH_ROLLED_BACK: CONFLICT, Aborted, "Another draft of the atomic batch could not be confirmed.";
    CHECKS_PENDING: CONFLICT, Aborted, "The checks of the draft have not ended yet. Retry after the seconds in `Retry-After`.";
    PIN_MISMATCH: PRECONDITION_FAILED, FailedPrecondition, "A condition of the request does not match what is stored. `errors` names the field.";
    UPLOAD_INCOMPLETE: PRECONDITION_FAILED, FailedPrecondition, "Parts are missing, or do not have the announced size.";
    TICKETS_NOT_CONFIGURED: PRECONDITION_FAILED, FailedPrecondition, "The server has no keys for tickets.";
    FEED_NOT_CONFIGURED: PRECONDITION_FAILED, FailedPrecondition, "The server keeps no feed of events.";
    VERSIONS_NOT_ENABLED: PRECONDITION_FAILED, FailedPrecondition, "Main has no versioning.";
    DELETES_NOT_CONFIGURED: PRECONDITION_FAILED, FailedPrecondition, "The store does not let the server delete in main.";
    TOO_LARGE: PAYLOAD_TOO_LARGE, InvalidArgument, "The request, or the size that it announces, is too large.";
    UNSUPPORTED_ENCODING: UNSUPPORTED_MEDIA_TYPE, InvalidArgument, "The body has a `Content-Encoding`, such as gzip.";
    IDEMPOTENCY_KEY_REUSED: UNPROCESSABLE_ENTITY, FailedPrecondition, "The idempotency key was already used for another request.";
    REJECTED: UNPROCESSABLE_ENTITY, FailedPrecondition, "The checks reject the draft. `errors` has the reasons.";
    TOO_MANY_REQUESTS: TOO_MANY_REQUESTS, ResourceExhausted, "The caller exceeded a rate limit. Retry after the seconds in `Retry-After`.";
    INTERNAL: INTERNAL_SERVER_ERROR, Internal, "The server failed unexpectedly.";
    STORE_CREDENTIALS_REFUSED: INTERNAL_SERVER_ERROR, Internal, "The store refused the server's credentials.";
    STORE_UNSUPPORTED: NOT_IMPLEMENTED, Unimplemented, "The store does not support what the call needs. `draftstore-server doctor` tells what.";
    SCANNER_UNAVAILABLE: SERVICE_UNAVAILABLE, Unavailable, "No scanner has scanned the draft in time. `errors` names the check and the scanner. Retry after the seconds in `Retry-After`.";
    STREAM_ENDED: SERVICE_UNAVAILABLE, Unavailable, "The stream has reached its time limit, the server stops, or the rights of the caller have changed. Begin another.";
    STORE_UNAVAILABLE: SERVICE_UNAVAILABLE, Unavailable, "The store is unavailable. Retry after the seconds in `Retry-After`.";
    OVERLOADED: SERVICE_UNAVAILABLE, Unavailable, "The server is overloaded. Retry after the seconds in `Retry-After`.";
}

/// A row of the table: everything that responses, metrics and the log show about a failure.
#[derive(Debug)]
pub(crate) struct Row<'f> {
    pub(crate) reason: Reason,
    /// Seconds to wait before a retry, or `None` if a retry cannot succeed.
    pub(crate) retry_after: Option<u32>,
    /// The invalid fields.
    pub(crate) fields: Vec<Violation>,
    /// The value of `www-authenticate`. Source: RFC 6750, section 3.
    pub(crate) challenge: Option<String>,
    /// The limit that was exceeded, for metrics.
    pub(crate) limit: Option<Limit>,
    /// The cause, for the log only.
    cause: Option<Cause<'f>>,
}

/// A cause of an internal error.
type Cause<'f> = &'f (dyn StdError + 'static);

impl From<Reason> for Row<'_> {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            retry_after: None,
            fields: Vec::new(),
            challenge: None,
            limit: None,
            cause: None,
        }
    }
}

impl<'f> Row<'f> {
    fn fields(self, fields: Vec<Violation>) -> Self {
        Self { fields, ..self }
    }

    fn field(self, name: impl Into<String>, rule: impl Into<String>) -> Self {
        self.fields(vec![Violation::new(name, rule)])
    }

    fn retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    fn challenge(self, challenge: impl Into<String>) -> Self {
        Self {
            challenge: Some(challenge.into()),
            ..self
        }
    }

    fn limit(self, limit: Limit) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    fn cause(self, cause: Cause<'f>) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }
}

/// Returns the destination to which a draft was confirmed in the form of a violation.
fn place(error: &Error) -> Vec<Violation> {
    let Error::ConfirmedElsewhere(destination) = error else {
        return Vec::new();
    };
    let rule = match destination {
        Some(name) => format!("must be '{name}', to which the draft was confirmed"),
        None => "must be left out: the draft was confirmed to main".to_owned(),
    };
    vec![Violation::new("destination", rule)]
}

/// Returns what keeps a version in the form of violations.
fn lock_as_fields(lock: &Lock) -> Vec<Violation> {
    let retention = lock.retention.as_ref();
    let retention =
        retention.map(|retention| Violation::new("retention", format!("is in force: {}", shown(retention))));
    let hold = lock.legal_hold.then(|| {
        let rule = "keeps the version until an update of the version releases it";
        Violation::new("legal_hold", rule)
    });
    retention.into_iter().chain(hold).collect()
}

fn not_shorter_than(retention: &Retention) -> String {
    format!(
        "must not be shorter or weaker than the one in force: {}",
        shown(retention)
    )
}

fn shown(Retention { mode, until }: &Retention) -> String {
    let mode = match mode {
        RetentionMode::Governance => "GOVERNANCE",
        RetentionMode::Compliance => "COMPLIANCE",
    };
    format!("{mode} until {}", Timestamp::from(*until))
}

/// Returns the check whose scanner is away in the form of a violation, which names the scanner.
fn no_scan(SilentScanner { check, name }: &SilentScanner) -> Violation {
    let rule = format!("has no verdict within CHECK_TIMEOUT: {name} did not scan the draft");
    Violation::new(format!("checks.{check}"), rule)
}

/// Returns a reason of a check in the form of a violation, so that each front has one form of details.
fn reason_as_field(reason: &CheckReason) -> Violation {
    Violation::new(
        format!("checks.{}", reason.check),
        format!("{}: {}", reason.code, reason.detail),
    )
}

impl Failure {
    /// Returns the row of this failure.
    pub(crate) fn row(&self) -> Row<'_> {
        let row = Row::from;
        let no_match = "does not match what is stored";
        match self {
            Self::Service(error) => match error {
                Error::Invalid(violations) => row(INVALID_REQUEST).fields(violations.clone()),
                Error::CredentialsExpired => row(TICKET_EXPIRED).challenge(INVALID_TOKEN),
                Error::NotAllowed(scope) => row(PERMISSION_DENIED).challenge(insufficient_scope(*scope)),
                Error::RestrictedNames => row(PERMISSION_DENIED),
                Error::UsageNotCounted => row(USAGE_NOT_COUNTED),
                Error::NoTickets => row(TICKETS_NOT_CONFIGURED),
                Error::NoFeed => row(FEED_NOT_CONFIGURED),
                Error::NoMoreUploads { .. } => row(NO_MORE_UPLOADS),
                Error::NotFound(Missing::Draft) => row(DRAFT_NOT_FOUND),
                Error::NotFound(Missing::Object) => row(OBJECT_NOT_FOUND),
                Error::NotFound(Missing::Upload) => row(UPLOAD_NOT_FOUND),
                Error::NotFound(Missing::Version) => row(VERSION_NOT_FOUND),
                Error::NotFound(Missing::Webhook) => row(WEBHOOK_NOT_FOUND),
                Error::NoVersions => row(VERSIONS_NOT_ENABLED),
                Error::NotFound(Missing::Bucket) => row(BUCKET_NOT_FOUND),
                Error::AlreadyExists | Error::ConfirmedElsewhere(_) => row(OBJECT_ALREADY_EXISTS).fields(place(error)),
                Error::Changed => row(OBJECT_CHANGED),
                Error::Archived => row(OBJECT_ARCHIVED),
                Error::Busy => row(OBJECT_BUSY).retry_after(RETRY_AFTER_SECONDS),
                Error::Locked(lock) => row(OBJECT_LOCKED).fields(lock_as_fields(lock)),
                Error::ShorterRetention(retention) => {
                    row(OBJECT_LOCKED).field("storage_options.retention", not_shorter_than(retention))
                }
                Error::DeletesNotPermitted(cause) => row(DELETES_NOT_CONFIGURED).cause(&**cause),
                Error::ChecksPending => row(CHECKS_PENDING).retry_after(RETRY_AFTER_SECONDS),
                Error::ScannerUnavailable(scanner) => row(SCANNER_UNAVAILABLE)
                    .retry_after(RETRY_AFTER_SECONDS)
                    .fields(vec![no_scan(scanner)]),
                Error::Rejected(reasons) => row(REJECTED).fields(reasons.iter().map(reason_as_field).collect()),
                Error::RolledBack => row(BATCH_ROLLED_BACK),
                Error::PinMismatch { pin } => row(PIN_MISMATCH).field(*pin, no_match),
                Error::KeyReused => {
                    row(IDEMPOTENCY_KEY_REUSED).field("idempotency_key", "must not be that of another request")
                }
                Error::PartMismatch { place } => row(PIN_MISMATCH).field(format!("parts[{place}].etag"), no_match),
                Error::Incomplete(violations) => row(UPLOAD_INCOMPLETE).fields(violations.clone()),
                Error::TooLarge { field, limit } => row(TOO_LARGE).field(*field, at_most(*limit)),
                Error::StoreCredentials(cause) => row(STORE_CREDENTIALS_REFUSED).cause(cause),
                Error::StoreUnsupported(cause) => row(STORE_UNSUPPORTED).cause(cause),
                Error::OptionUnsupported(option) => {
                    let field = format!("storage_options.{}", option.as_str());
                    row(STORE_UNSUPPORTED).field(
                        field,
                        "must be left out: the store or the main bucket does not support it",
                    )
                }
                Error::StoreUnavailable(cause) => {
                    row(STORE_UNAVAILABLE).retry_after(RETRY_AFTER_SECONDS).cause(&**cause)
                }
                Error::Internal(cause) => row(INTERNAL).cause(&**cause),
            },
            Self::Refused(refusal) => match refusal {
                Refusal::Unauthenticated(Unauthenticated::Missing) => row(UNAUTHENTICATED).challenge("Bearer"),
                Refusal::Unauthenticated(Unauthenticated::Invalid) => row(UNAUTHENTICATED).challenge(INVALID_TOKEN),
                Refusal::NotAllowed(scope) => row(PERMISSION_DENIED).challenge(insufficient_scope(*scope)),
                Refusal::AuditUnavailable => row(OVERLOADED)
                    .retry_after(RETRY_AFTER_SECONDS)
                    .cause(&Why("the audit cannot be written")),
                Refusal::UnknownHost => row(HOST_NOT_ALLOWED),
                Refusal::UnknownOrigin => row(ORIGIN_NOT_ALLOWED),
                Refusal::OutOfMemory => row(OVERLOADED)
                    .retry_after(RETRY_AFTER_SECONDS)
                    .limit(Limit::RequestMemory),
                Refusal::Unauthenticated(Unauthenticated::TicketExpired) => {
                    row(TICKET_EXPIRED).challenge(INVALID_TOKEN)
                }
                Refusal::Unauthenticated(Unauthenticated::TokenExpired) => row(TOKEN_EXPIRED).challenge(INVALID_TOKEN),
                Refusal::TooManyRequests { limit, retry_after } => {
                    row(TOO_MANY_REQUESTS).retry_after(*retry_after).limit(*limit)
                }
                Refusal::BodyTimeout => row(REQUEST_TIMEOUT).limit(Limit::BodyTimeout),
                Refusal::BodyTooLarge { max_bytes } => {
                    row(TOO_LARGE).field("body", at_most(*max_bytes)).limit(Limit::BodySize)
                }
                Refusal::BodyIncomplete => row(INVALID_REQUEST).field(
                    "body",
                    "must be complete, and valid chunks if the transfer encoding is chunked",
                ),
                Refusal::Encoding => {
                    row(UNSUPPORTED_ENCODING).field("content-encoding", "must be absent: send the JSON as it is")
                }
                Refusal::Overloaded => row(OVERLOADED)
                    .retry_after(RETRY_AFTER_SECONDS)
                    .limit(Limit::Concurrency),
                Refusal::StreamEnded(_) => row(STREAM_ENDED).retry_after(STREAM_AGAIN_AFTER_SECONDS),
                Refusal::CallTimeout => row(STORE_UNAVAILABLE)
                    .retry_after(RETRY_AFTER_SECONDS)
                    .limit(Limit::CallTimeout)
                    .cause(&Why("the call took longer than CALL_TIMEOUT")),
            },
            Self::NoRoute(_) => row(NO_SUCH_ROUTE),
            Self::WrongMethod(_) => row(METHOD_NOT_ALLOWED),
            Self::Panicked => row(INTERNAL).cause(&Why("a handler panicked")),
        }
    }

    /// Returns the row, and logs the cause, which the caller does not see.
    pub(crate) fn report(&self) -> Row<'_> {
        let row = self.row();
        if let Some(error) = row.cause {
            tracing::error!(error, reason = row.reason.name, "call failed");
        } else {
            tracing::debug!(reason = row.reason.name, "call refused");
        }
        row
    }

    /// Returns the human-readable message: the first violations and the number of the others, or else the error's own text.
    pub(crate) fn sentence(&self, fields: &[Violation]) -> String {
        let named = fields.iter().take(MAX_RULES_IN_SENTENCE);
        let rules: Vec<_> = named
            .map(|v| format!("{} {}", v.field, v.rule.trim_end_matches('.')))
            .collect();
        match fields.len() - rules.len() {
            _ if rules.is_empty() => self.to_string(),
            0 => rules.join("; "),
            more => format!("{}; and {more} more", rules.join("; ")),
        }
    }

    /// Returns the failure as one outcome of a batch.
    pub(crate) fn outcome(&self) -> v1::UploadError {
        let row = self.report();
        let message = self.sentence(&row.fields);
        let field_error = |Violation { field, rule }| v1::FieldError { field, detail: rule };
        v1::UploadError {
            reason: row.reason.name.to_owned(),
            message,
            grpc_code: row.reason.grpc.into(),
            http_status: row.reason.http.as_u16().into(),
            errors: row.fields.into_iter().map(field_error).collect(),
            retry_after: row.retry_after.map(u32::cast_signed),
        }
    }
}

/// A cause without an underlying error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Why(&'static str);

const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";

fn insufficient_scope(scope: Scope) -> String {
    format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")
}

fn at_most(bytes: u64) -> String {
    format!("must be at most {}", Amount::bytes(bytes))
}

/// Returns one failure of each kind that a call can have, except refused store credentials, which a test of the server covers.
/// The documentation shows them as samples.
pub(crate) fn samples() -> Vec<Failure> {
    let internal = || Box::<dyn StdError + Send + Sync>::from("sample");
    vec![
        Error::Invalid(vec![Violation::new("object_name", "must not be empty")]).into(),
        Error::CredentialsExpired.into(),
        Error::NotAllowed(Scope::Confirm).into(),
        Error::RestrictedNames.into(),
        Error::UsageNotCounted.into(),
        Error::NoTickets.into(),
        Error::NoFeed.into(),
        Error::NoMoreUploads { most: 3 }.into(),
        Error::NotFound(Missing::Draft).into(),
        Error::NotFound(Missing::Object).into(),
        Error::NotFound(Missing::Upload).into(),
        Error::NotFound(Missing::Webhook).into(),
        Error::NotFound(Missing::Bucket).into(),
        Error::AlreadyExists.into(),
        Error::ConfirmedElsewhere(Some("archive".to_owned())).into(),
        Error::NotFound(Missing::Version).into(),
        Error::NoVersions.into(),
        Error::Changed.into(),
        Error::Archived.into(),
        Error::Busy.into(),
        Error::Locked(Lock {
            retention: None,
            legal_hold: true,
        })
        .into(),
        Error::DeletesNotPermitted(internal()).into(),
        Error::RolledBack.into(),
        Error::ChecksPending.into(),
        Error::ScannerUnavailable(SilentScanner {
            check: "clamd",
            name: "clamd".to_owned(),
        })
        .into(),
        Error::Rejected(vec![CheckReason {
            check: "type".to_owned(),
            code: "TYPE_DIFFERS".to_owned(),
            detail: "The file is text/html, and was declared as image/png.".to_owned(),
        }])
        .into(),
        Error::PinMismatch { pin: "if_match" }.into(),
        Error::KeyReused.into(),
        Error::PartMismatch { place: 1 }.into(),
        Error::Incomplete(vec![Violation::new("parts", "are empty: no part has arrived")]).into(),
        Error::TooLarge {
            field: "content_length",
            limit: 1000,
        }
        .into(),
        Error::StoreUnavailable(internal()).into(),
        Error::Internal(internal()).into(),
        Refusal::Unauthenticated(Unauthenticated::Missing).into(),
        Refusal::Unauthenticated(Unauthenticated::Invalid).into(),
        Refusal::Unauthenticated(Unauthenticated::TicketExpired).into(),
        Refusal::Unauthenticated(Unauthenticated::TokenExpired).into(),
        Refusal::TooManyRequests {
            limit: Limit::CallerRate,
            retry_after: 7,
        }
        .into(),
        Refusal::BodyTooLarge { max_bytes: 1000 }.into(),
        Refusal::BodyIncomplete.into(),
        Refusal::NotAllowed(Scope::Confirm).into(),
        Refusal::OutOfMemory.into(),
        Refusal::AuditUnavailable.into(),
        Refusal::Encoding.into(),
        Refusal::Overloaded.into(),
        Refusal::CallTimeout.into(),
        Refusal::StreamEnded(StreamEnd::Timeout).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::CALLS;

    #[test]
    fn reference_pages_list_every_reason_and_every_call() {
        let errors = include_str!("../../../docs/reference/errors.md");
        for reason in REASONS {
            assert!(errors.contains(&format!("`{}`", reason.name)), "{}", reason.name);
        }
        let calls = include_str!("../../../docs/reference/calls.md");
        for call in CALLS {
            assert!(calls.contains(call.path), "{}", call.path);
        }
    }

    #[test]
    fn every_error_has_its_statuses() {
        let expected = [
            (400, Code::InvalidArgument, None),
            (401, Code::Unauthenticated, None),
            (403, Code::PermissionDenied, None),
            (403, Code::PermissionDenied, None),
            (404, Code::NotFound, None),
            (412, Code::FailedPrecondition, None),
            (412, Code::FailedPrecondition, None),
            (409, Code::ResourceExhausted, None),
            (404, Code::NotFound, None),
            (404, Code::NotFound, None),
            (404, Code::NotFound, None),
            (404, Code::NotFound, None),
            (404, Code::NotFound, None),
            (409, Code::AlreadyExists, None),
            (409, Code::AlreadyExists, None),
            (404, Code::NotFound, None),
            (412, Code::FailedPrecondition, None),
            (409, Code::Aborted, None),
            (409, Code::FailedPrecondition, None),
            (409, Code::Aborted, Some(RETRY_AFTER_SECONDS)),
            (409, Code::FailedPrecondition, None),
            (412, Code::FailedPrecondition, None),
            (409, Code::Aborted, None),
            (409, Code::Aborted, Some(RETRY_AFTER_SECONDS)),
            (503, Code::Unavailable, Some(RETRY_AFTER_SECONDS)),
            (422, Code::FailedPrecondition, None),
            (412, Code::FailedPrecondition, None),
            (422, Code::FailedPrecondition, None),
            (412, Code::FailedPrecondition, None),
            (412, Code::FailedPrecondition, None),
            (413, Code::InvalidArgument, None),
            (503, Code::Unavailable, Some(RETRY_AFTER_SECONDS)),
            (500, Code::Internal, None),
            (401, Code::Unauthenticated, None),
            (401, Code::Unauthenticated, None),
            (401, Code::Unauthenticated, None),
            (401, Code::Unauthenticated, None),
            (429, Code::ResourceExhausted, Some(7)),
            (413, Code::InvalidArgument, None),
            (400, Code::InvalidArgument, None),
            (403, Code::PermissionDenied, None),
            (503, Code::Unavailable, Some(RETRY_AFTER_SECONDS)),
            (503, Code::Unavailable, Some(RETRY_AFTER_SECONDS)),
            (415, Code::InvalidArgument, None),
            (503, Code::Unavailable, Some(RETRY_AFTER_SECONDS)),
            (503, Code::Unavailable, Some(RETRY_AFTER_SECONDS)),
            (503, Code::Unavailable, Some(STREAM_AGAIN_AFTER_SECONDS)),
        ];
        let failures = samples();
        assert_eq!(failures.len(), expected.len());
        let timeout = Failure::from(Refusal::BodyTimeout);
        let all = failures.iter().zip(expected);
        let of_ports = [Refusal::UnknownHost, Refusal::UnknownOrigin].map(Failure::from);
        let others = [
            (&timeout, (408, Code::DeadlineExceeded, None)),
            (&of_ports[0], (421, Code::PermissionDenied, None)),
            (&of_ports[1], (403, Code::PermissionDenied, None)),
        ];
        for (failure, expected) in all.chain(others) {
            let row = failure.row();
            let found = (row.reason.http.as_u16(), row.reason.grpc, row.retry_after);
            assert_eq!(found, expected, "{failure}");
        }
    }

    #[test]
    fn error_message_names_ten_rules_and_counts_the_rest() {
        let broken = |rules: usize| {
            let rule = |place| Violation::new(format!("parts[{place}]"), "must be a part");
            let failure = Failure::from(Error::Invalid((0..rules).map(rule).collect()));
            failure.sentence(&failure.row().fields)
        };
        assert_eq!(broken(2), "parts[0] must be a part; parts[1] must be a part");
        assert!(broken(10).ends_with("; parts[9] must be a part"));
        assert!(broken(1000).ends_with("; parts[9] must be a part; and 990 more"));
    }

    #[test]
    fn challenges_name_the_missing_credentials_or_scope() {
        let missing = Refusal::Unauthenticated(Unauthenticated::Missing);
        let invalid = Refusal::Unauthenticated(Unauthenticated::Invalid);
        for (failure, challenge) in [
            (Failure::from(missing), Some("Bearer")),
            (invalid.into(), Some(r#"Bearer error="invalid_token""#)),
            (
                Error::CredentialsExpired.into(),
                Some(r#"Bearer error="invalid_token""#),
            ),
            (
                Error::NotAllowed(Scope::Confirm).into(),
                Some(r#"Bearer error="insufficient_scope", scope="confirm""#),
            ),
            (Error::NotFound(Missing::Draft).into(), None),
        ] {
            assert_eq!(failure.row().challenge.as_deref(), challenge);
        }
    }
}
