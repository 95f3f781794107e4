//! The one table from a service error to what both fronts answer.

use draftstore_service::{Error, Missing, Unauthenticated, Violation};
use http::StatusCode;
use tonic::Code;

/// How long a caller should wait before it tries again, in seconds, when the store is unavailable.
const RETRY_AFTER_SECONDS: u32 = 2;

/// Broken rules that the sentence for people names one by one.
const MAX_RULES_IN_SENTENCE: usize = 10;

/// What a service error is called on the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Stable and machine-readable: `ErrorInfo.reason`, and `code` in problem+json.
    pub(crate) reason: &'static str,
    /// REST's status.
    pub(crate) http: StatusCode,
    /// gRPC's status.
    pub(crate) grpc: Code,
    /// Seconds to wait before the same request may succeed, where it may.
    pub(crate) retry_after: Option<u32>,
}

/// The row of an error.
pub(crate) fn row(error: &Error) -> Row {
    let row = |reason, http, grpc| Row {
        reason,
        http,
        grpc,
        retry_after: None,
    };
    match error {
        Error::Invalid(_) => row("INVALID_REQUEST", StatusCode::BAD_REQUEST, Code::InvalidArgument),
        Error::Unauthenticated(_) => row("UNAUTHENTICATED", StatusCode::UNAUTHORIZED, Code::Unauthenticated),
        Error::NotAllowed(_) => row("PERMISSION_DENIED", StatusCode::FORBIDDEN, Code::PermissionDenied),
        Error::NoTickets => row(
            "TICKETS_NOT_CONFIGURED",
            StatusCode::PRECONDITION_FAILED,
            Code::FailedPrecondition,
        ),
        Error::NoMoreUploads { .. } => row("NO_MORE_UPLOADS", StatusCode::CONFLICT, Code::ResourceExhausted),
        Error::TooManyRequests { retry_after } => Row {
            retry_after: Some(*retry_after),
            ..row(
                "TOO_MANY_REQUESTS",
                StatusCode::TOO_MANY_REQUESTS,
                Code::ResourceExhausted,
            )
        },
        Error::TooSlow => row("REQUEST_TIMEOUT", StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded),
        Error::Overloaded => Row {
            retry_after: Some(RETRY_AFTER_SECONDS),
            ..row("OVERLOADED", StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable)
        },
        Error::NotFound(Missing::Draft) => row("DRAFT_NOT_FOUND", StatusCode::NOT_FOUND, Code::NotFound),
        Error::NotFound(Missing::Object) => row("OBJECT_NOT_FOUND", StatusCode::NOT_FOUND, Code::NotFound),
        Error::NotFound(Missing::Upload) => row("UPLOAD_NOT_FOUND", StatusCode::NOT_FOUND, Code::NotFound),
        Error::NotFound(Missing::Bucket) => row("BUCKET_NOT_FOUND", StatusCode::NOT_FOUND, Code::NotFound),
        Error::AlreadyExists => row("OBJECT_ALREADY_EXISTS", StatusCode::CONFLICT, Code::AlreadyExists),
        Error::RolledBack => row("BATCH_ROLLED_BACK", StatusCode::CONFLICT, Code::Aborted),
        Error::PinMismatch { .. } | Error::PartMismatch { .. } => row(
            "PIN_MISMATCH",
            StatusCode::PRECONDITION_FAILED,
            Code::FailedPrecondition,
        ),
        Error::Incomplete(_) => row(
            "UPLOAD_INCOMPLETE",
            StatusCode::PRECONDITION_FAILED,
            Code::FailedPrecondition,
        ),
        Error::TooLarge { .. } => row("TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE, Code::InvalidArgument),
        Error::StoreCredentials(_) => row(
            "STORE_CREDENTIALS_REFUSED",
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::Internal,
        ),
        Error::StoreUnavailable(_) => Row {
            retry_after: Some(RETRY_AFTER_SECONDS),
            ..row("STORE_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable)
        },
        Error::Internal(_) => row("INTERNAL", StatusCode::INTERNAL_SERVER_ERROR, Code::Internal),
    }
}

/// The fields that are to blame, each with the rule that it breaks.
pub(crate) fn field_errors(error: &Error) -> Vec<Violation> {
    match error {
        Error::Invalid(violations) | Error::Incomplete(violations) => violations.clone(),
        Error::TooLarge { field, limit } => vec![Violation::new(*field, format!("must be at most {limit} bytes"))],
        Error::PinMismatch { pin } => vec![Violation::new(*pin, "does not match what is stored")],
        Error::PartMismatch { place } => vec![Violation::new(
            format!("parts[{place}].etag"),
            "does not match what is stored",
        )],
        Error::Unauthenticated(_)
        | Error::NotAllowed(_)
        | Error::NoTickets
        | Error::NoMoreUploads { .. }
        | Error::TooManyRequests { .. }
        | Error::TooSlow
        | Error::Overloaded
        | Error::NotFound(_)
        | Error::AlreadyExists
        | Error::RolledBack
        | Error::StoreCredentials(_)
        | Error::StoreUnavailable(_)
        | Error::Internal(_) => Vec::new(),
    }
}

/// The sentence for people: the broken rules where there are any, and how many more where there are many.
pub(crate) fn sentence(error: &Error) -> String {
    let broken = field_errors(error);
    let rules: Vec<_> = broken
        .iter()
        .take(MAX_RULES_IN_SENTENCE)
        .map(|v| format!("{} {}", v.field, v.rule))
        .collect();
    match broken.len() - rules.len() {
        _ if rules.is_empty() => error.to_string(),
        0 => rules.join("; "),
        more => format!("{}; and {more} more", rules.join("; ")),
    }
}

/// What the caller is asked for, as `www-authenticate` says it.
///
/// Source: RFC 6750, section 3.
pub(crate) fn challenge(error: &Error) -> Option<String> {
    match error {
        Error::Unauthenticated(Unauthenticated::Missing) => Some("Bearer".to_owned()),
        Error::Unauthenticated(Unauthenticated::Invalid) => Some("Bearer error=\"invalid_token\"".to_owned()),
        Error::NotAllowed(scope) => Some(format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")),
        Error::Invalid(_)
        | Error::NoTickets
        | Error::NoMoreUploads { .. }
        | Error::TooManyRequests { .. }
        | Error::TooSlow
        | Error::Overloaded
        | Error::NotFound(_)
        | Error::AlreadyExists
        | Error::RolledBack
        | Error::PinMismatch { .. }
        | Error::PartMismatch { .. }
        | Error::Incomplete(_)
        | Error::TooLarge { .. }
        | Error::StoreCredentials(_)
        | Error::StoreUnavailable(_)
        | Error::Internal(_) => None,
    }
}

/// Writes down, once, what the caller is not told.
pub(crate) fn log(error: &Error) {
    match error {
        Error::StoreCredentials(source) => {
            tracing::error!(error = source as &dyn std::error::Error, "{error}");
        }
        Error::StoreUnavailable(source) | Error::Internal(source) => {
            tracing::error!(error = &**source as &dyn std::error::Error, "{error}");
        }
        Error::Invalid(_)
        | Error::Unauthenticated(_)
        | Error::NotAllowed(_)
        | Error::NoTickets
        | Error::NoMoreUploads { .. }
        | Error::TooManyRequests { .. }
        | Error::TooSlow
        | Error::Overloaded
        | Error::NotFound(_)
        | Error::AlreadyExists
        | Error::RolledBack
        | Error::PinMismatch { .. }
        | Error::PartMismatch { .. }
        | Error::Incomplete(_)
        | Error::TooLarge { .. } => tracing::debug!("refused: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use draftstore_service::Scope;

    use super::*;

    #[test]
    fn every_error_has_its_row() {
        let internal = || Box::<dyn std::error::Error + Send + Sync>::from("x");
        for (error, http, grpc) in [
            (
                Error::Invalid(vec![Violation::new("object_name", "must not be empty")]),
                400,
                Code::InvalidArgument,
            ),
            (
                Error::Unauthenticated(Unauthenticated::Invalid),
                401,
                Code::Unauthenticated,
            ),
            (Error::NotAllowed(Scope::Confirm), 403, Code::PermissionDenied),
            (Error::NoTickets, 412, Code::FailedPrecondition),
            (Error::NoMoreUploads { most: 3 }, 409, Code::ResourceExhausted),
            (Error::TooSlow, 408, Code::DeadlineExceeded),
            (Error::NotFound(Missing::Draft), 404, Code::NotFound),
            (Error::NotFound(Missing::Object), 404, Code::NotFound),
            (Error::NotFound(Missing::Upload), 404, Code::NotFound),
            (Error::NotFound(Missing::Bucket), 404, Code::NotFound),
            (Error::AlreadyExists, 409, Code::AlreadyExists),
            (Error::RolledBack, 409, Code::Aborted),
            (Error::PinMismatch { pin: "if_match" }, 412, Code::FailedPrecondition),
            (Error::PartMismatch { place: 1 }, 412, Code::FailedPrecondition),
            (
                Error::Incomplete(vec![Violation::new("parts", "no part has arrived")]),
                412,
                Code::FailedPrecondition,
            ),
            (
                Error::TooLarge {
                    field: "body",
                    limit: 1,
                },
                413,
                Code::InvalidArgument,
            ),
            (Error::Internal(internal()), 500, Code::Internal),
        ] {
            let row = row(&error);
            assert_eq!((row.http.as_u16(), row.grpc), (http, grpc), "{error}");
            assert_eq!(row.retry_after, None, "{error}");
        }
        for (error, http, grpc, retry_after) in [
            (
                Error::TooManyRequests { retry_after: 7 },
                429,
                Code::ResourceExhausted,
                7,
            ),
            (Error::Overloaded, 503, Code::Unavailable, RETRY_AFTER_SECONDS),
        ] {
            let row = row(&error);
            assert_eq!((row.http.as_u16(), row.grpc), (http, grpc), "{error}");
            assert_eq!(row.retry_after, Some(retry_after), "{error}");
        }
    }

    #[test]
    fn sentence_names_some_rules_and_counts_the_rest() {
        let broken = |rules: usize| {
            let rule = |place| Violation::new(format!("parts[{place}]"), "must be a part");
            sentence(&Error::Invalid((0..rules).map(rule).collect()))
        };
        assert_eq!(broken(2), "parts[0] must be a part; parts[1] must be a part");
        assert!(broken(10).ends_with("; parts[9] must be a part"));
        assert!(broken(1000).ends_with("; parts[9] must be a part; and 990 more"));
    }

    #[test]
    fn callers_are_told_what_they_lack() {
        for (error, says) in [
            (Error::Unauthenticated(Unauthenticated::Missing), Some("Bearer")),
            (
                Error::Unauthenticated(Unauthenticated::Invalid),
                Some(r#"Bearer error="invalid_token""#),
            ),
            (
                Error::NotAllowed(Scope::Confirm),
                Some(r#"Bearer error="insufficient_scope", scope="confirm""#),
            ),
            (Error::NotFound(Missing::Draft), None),
        ] {
            assert_eq!(challenge(&error).as_deref(), says);
        }
    }
}
