//! Which refusals a call can have: status and `code`, as the error table has them.

use super::json::{Json, object, reference, texts};

/// A refusal: REST's status, and the stable reason.
pub(super) type Failure = (u16, &'static str);

const INVALID: Failure = (400, "INVALID_REQUEST");
const DRAFT_NOT_FOUND: Failure = (404, "DRAFT_NOT_FOUND");
const OBJECT_NOT_FOUND: Failure = (404, "OBJECT_NOT_FOUND");
const UPLOAD_NOT_FOUND: Failure = (404, "UPLOAD_NOT_FOUND");
const BUCKET_NOT_FOUND: Failure = (404, "BUCKET_NOT_FOUND");
const ALREADY_EXISTS: Failure = (409, "OBJECT_ALREADY_EXISTS");
const PIN_MISMATCH: Failure = (412, "PIN_MISMATCH");
const NO_MORE_UPLOADS: Failure = (409, "NO_MORE_UPLOADS");
const NO_TICKETS: Failure = (412, "TICKETS_NOT_CONFIGURED");
const INCOMPLETE: Failure = (412, "UPLOAD_INCOMPLETE");

/// What every call of the contract can be refused with.
pub(super) const COMMON: [Failure; 9] = [
    INVALID,
    (401, "UNAUTHENTICATED"),
    (403, "PERMISSION_DENIED"),
    (413, "TOO_LARGE"),
    (429, "TOO_MANY_REQUESTS"),
    (500, "INTERNAL"),
    (500, "STORE_CREDENTIALS_REFUSED"),
    (503, "STORE_UNAVAILABLE"),
    (503, "OVERLOADED"),
];

/// What this call can be refused with besides.
pub(super) fn own(rpc: &str) -> &'static [Failure] {
    match rpc {
        "GetDownloadURL" => &[OBJECT_NOT_FOUND, BUCKET_NOT_FOUND],
        "ConfirmUpload" => &[DRAFT_NOT_FOUND, BUCKET_NOT_FOUND, ALREADY_EXISTS, PIN_MISMATCH],
        "InspectDraft" => &[DRAFT_NOT_FOUND, BUCKET_NOT_FOUND],
        "GetUploadURL" | "CreateMultipartUpload" => &[BUCKET_NOT_FOUND, NO_MORE_UPLOADS],
        "DiscardDraft" | "ListDrafts" | "ListObjects" => &[BUCKET_NOT_FOUND],
        "CreateTicket" => &[NO_TICKETS],
        "SignParts" => &[UPLOAD_NOT_FOUND],
        "ListParts" | "AbortMultipartUpload" => &[UPLOAD_NOT_FOUND, BUCKET_NOT_FOUND],
        "CompleteMultipartUpload" => &[UPLOAD_NOT_FOUND, BUCKET_NOT_FOUND, PIN_MISMATCH, INCOMPLETE],
        _ => &[],
    }
}

/// How a front writes refusals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) media_type: &'static str,
    pub(super) schema: &'static str,
    /// Where the reason is.
    pub(super) reason: &'static str,
    /// What the names of the components for common refusals begin with.
    pub(super) prefix: &'static str,
}

/// RFC 9457.
pub(super) const PROBLEM: Form = Form {
    media_type: "application/problem+json",
    schema: "Problem",
    reason: "code",
    prefix: "",
};

/// As Uppy reads them.
pub(super) const UPPY: Form = Form {
    media_type: "application/json",
    schema: "UppyError",
    reason: "error",
    prefix: "Uppy",
};

/// The answers of a call besides 200, by status.
pub(super) fn answers(own: &[Failure], form: Form) -> Vec<(String, Json)> {
    let mut statuses: Vec<u16> = COMMON.iter().chain(own).map(|(status, _)| *status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let answers = statuses.into_iter().map(|status| {
        let is_common = COMMON.iter().any(|(common, _)| *common == status);
        let answer = if is_common {
            reference("responses", &component(status, form))
        } else {
            answer(status, own, form)
        };
        (status.to_string(), answer)
    });
    answers.collect()
}

/// The answers that many calls have, as components.
pub(super) fn components(form: Form) -> Vec<(String, Json)> {
    let mut statuses: Vec<u16> = COMMON.iter().map(|(status, _)| *status).collect();
    statuses.dedup();
    let answers = statuses.into_iter();
    answers
        .map(|status| (component(status, form), answer(status, &COMMON, form)))
        .collect()
}

fn component(status: u16, form: Form) -> String {
    format!("{}{}", form.prefix, title(status).replace([' ', '-'], ""))
}

fn answer(status: u16, failures: &[Failure], form: Form) -> Json {
    let reasons = failures
        .iter()
        .filter(|(other, _)| *other == status)
        .map(|(_, reason)| *reason);
    let reason = object([("enum", texts(reasons))]);
    let schema = object([(
        "allOf",
        vec![
            reference("schemas", form.schema),
            object([("properties", object([(form.reason, reason)]))]),
        ]
        .into(),
    )]);
    let headers = object([("X-Request-Id", reference("headers", "RequestId"))]);
    let headers = match status {
        401 => headers.with("WWW-Authenticate", reference("headers", "Authenticate")),
        429 | 503 => headers.with("Retry-After", reference("headers", "RetryAfter")),
        _ => headers,
    };
    object([
        ("description", meaning(status).into()),
        ("headers", headers),
        ("content", object([(form.media_type, object([("schema", schema)]))])),
    ])
}

fn title(status: u16) -> &'static str {
    let status = http::StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("Error")
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request is malformed, or breaks a rule. Every field that is to blame is named.",
        401 => "No credentials, or none that are valid.",
        403 => "The caller may not do this.",
        404 => "What the request names is not there, or not to this caller.",
        409 => "Main already holds another object under the name.",
        412 => "What is there is not what the request insists on, or has need of.",
        413 => "The request is too large, or what it announces is.",
        429 => "Too many requests: come back after as many seconds as Retry-After says.",
        500 => "The server's own fault.",
        503 => "The store, or this server, cannot take it now: come back after as many seconds as Retry-After says.",
        _ => "Refused.",
    }
}

#[cfg(test)]
mod tests {
    use draftstore_service::{Error, Missing, Scope, Unauthenticated};

    use super::*;
    use crate::error_table::row;

    /// What can be said of one upload of many, but of no call.
    const OF_OUTCOMES: [Failure; 1] = [(409, "BATCH_ROLLED_BACK")];

    fn errors() -> Vec<Error> {
        let source = || Box::<dyn std::error::Error + Send + Sync>::from("x");
        vec![
            Error::Invalid(Vec::new()),
            Error::Unauthenticated(Unauthenticated::Missing),
            Error::NotAllowed(Scope::Upload),
            Error::TooManyRequests { retry_after: 1 },
            Error::Overloaded,
            Error::NotFound(Missing::Draft),
            Error::NotFound(Missing::Object),
            Error::NotFound(Missing::Upload),
            Error::NotFound(Missing::Bucket),
            Error::NoTickets,
            Error::NoMoreUploads { most: 3 },
            Error::RolledBack,
            Error::AlreadyExists,
            Error::PinMismatch { pin: "if_match" },
            Error::PartMismatch { place: 0 },
            Error::Incomplete(Vec::new()),
            Error::TooLarge {
                field: "body",
                limit: 1,
            },
            Error::StoreUnavailable(source()),
            Error::Internal(source()),
        ]
    }

    /// But for refused credentials of the store, which nothing here can make; a test of the system meets them.
    #[test]
    fn refusals_are_those_of_the_error_table() {
        let mut documented: Vec<Failure> = COMMON.into_iter().chain(OF_OUTCOMES).collect();
        documented.extend(crate::webapi::ROUTES.iter().flat_map(|route| own(route.rpc)));
        let tabled: Vec<Failure> = errors()
            .iter()
            .map(|error| (row(error).http.as_u16(), row(error).reason))
            .collect();
        for failure in &tabled {
            assert!(documented.contains(failure), "{failure:?} is not documented");
        }
        for failure in documented
            .iter()
            .filter(|(_, reason)| *reason != "STORE_CREDENTIALS_REFUSED")
        {
            assert!(tabled.contains(failure), "{failure:?} is not in the error table");
        }
    }

    #[test]
    fn answers_that_say_when_to_come_back_are_those_of_the_error_table() {
        for error in errors() {
            let row = row(&error);
            let answer = answer(row.http.as_u16(), &COMMON, PROBLEM);
            let documented = answer.at("headers/Retry-After").is_some();
            assert_eq!(documented, row.retry_after.is_some(), "{error}");
        }
    }
}
