//! The error responses of calls.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::reference;
use crate::errors::{
    INTERNAL, INVALID_REQUEST, OVERLOADED, PERMISSION_DENIED, Reason, STORE_CREDENTIALS_REFUSED, STORE_UNAVAILABLE,
    TOO_LARGE, TOO_MANY_REQUESTS, UNAUTHENTICATED,
};

/// The failures that every call can have.
pub(super) const COMMON: [Reason; 9] = [
    INVALID_REQUEST,
    UNAUTHENTICATED,
    PERMISSION_DENIED,
    TOO_LARGE,
    TOO_MANY_REQUESTS,
    INTERNAL,
    STORE_CREDENTIALS_REFUSED,
    STORE_UNAVAILABLE,
    OVERLOADED,
];

/// A format of error responses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) media_type: &'static str,
    pub(super) schema: &'static str,
    /// The field with the reason.
    pub(super) reason: &'static str,
    /// The prefix of the component names of common responses.
    pub(super) prefix: &'static str,
}

/// The format of the calls: RFC 9457.
pub(super) const PROBLEM: Form = Form {
    media_type: "application/problem+json",
    schema: "Problem",
    reason: "code",
    prefix: "",
};

/// The format of Uppy's routes.
pub(super) const UPPY: Form = Form {
    media_type: "application/json",
    schema: "UppyError",
    reason: "error",
    prefix: "Uppy",
};

/// Returns the responses of a call besides 200, by status.
pub(super) fn responses(own: &[Reason], form: Form) -> Map<String, Value> {
    let mut statuses: Vec<_> = COMMON.iter().chain(own).map(|reason| reason.http).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let responses = statuses.into_iter().map(|status| {
        let is_common = COMMON.iter().any(|reason| reason.http == status);
        let response = if is_common {
            reference("responses", &component(status, form))
        } else {
            response(status, own, form)
        };
        (status.as_u16().to_string(), response)
    });
    responses.collect()
}

/// Returns the responses that many calls have, as components.
pub(super) fn components(form: Form) -> Map<String, Value> {
    let mut statuses: Vec<_> = COMMON.iter().map(|reason| reason.http).collect();
    statuses.dedup();
    let responses = statuses.into_iter();
    responses
        .map(|status| (component(status, form), response(status, &COMMON, form)))
        .collect()
}

fn component(status: StatusCode, form: Form) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    format!("{}{}", form.prefix, title.replace([' ', '-'], ""))
}

fn response(status: StatusCode, failures: &[Reason], form: Form) -> Value {
    let reasons = failures
        .iter()
        .filter(|reason| reason.http == status)
        .map(|reason| reason.name);
    let mut headers = json!({"X-Request-Id": reference("headers", "RequestId")});
    match status.as_u16() {
        401 => headers["WWW-Authenticate"] = reference("headers", "Authenticate"),
        429 | 503 => headers["Retry-After"] = reference("headers", "RetryAfter"),
        _ => {}
    }
    let reason = json!({"enum": reasons.collect::<Vec<_>>()});
    let schema = json!({"allOf": [reference("schemas", form.schema), {"properties": {form.reason: reason}}]});
    json!({
        "description": meaning(status),
        "headers": headers,
        "content": {form.media_type: {"schema": schema}},
    })
}

fn meaning(status: StatusCode) -> &'static str {
    match status.as_u16() {
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
    use super::*;
    use crate::calls::CALLS;
    use crate::errors::BATCH_ROLLED_BACK;
    use crate::errors::tests::failures;

    /// A test of the server covers refused store credentials, which cannot be created here.
    #[test]
    fn documented_failures_match_the_error_table() {
        let of_calls = CALLS.iter().flat_map(|call| call.failures).copied();
        let of_outcomes = [BATCH_ROLLED_BACK];
        let documented: Vec<_> = COMMON.into_iter().chain(of_outcomes).chain(of_calls).collect();
        let tabled: Vec<_> = failures().iter().map(|failure| failure.row().reason).collect();
        for reason in &tabled {
            assert!(documented.contains(reason), "{reason:?} is not documented");
        }
        for reason in documented.iter().filter(|reason| **reason != STORE_CREDENTIALS_REFUSED) {
            assert!(tabled.contains(reason), "{reason:?} is not in the error table");
        }
    }

    #[test]
    fn retry_after_is_documented_where_the_error_table_has_it() {
        for failure in failures() {
            let row = failure.row();
            let response = response(row.reason.http, &COMMON, PROBLEM);
            let documented = response.pointer("/headers/Retry-After").is_some();
            assert_eq!(documented, row.retry_after.is_some(), "{failure}");
        }
    }
}
