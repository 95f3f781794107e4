//! The error responses of calls.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::reference;
use crate::errors::{
    CHECKS_PENDING, Failure, INTERNAL, INVALID_REQUEST, OBJECT_BUSY, OVERLOADED, PERMISSION_DENIED, Reason,
    STORE_CREDENTIALS_REFUSED, STORE_UNAVAILABLE, STORE_UNSUPPORTED, TICKET_EXPIRED, TOKEN_EXPIRED, TOO_LARGE,
    TOO_MANY_REQUESTS, UNAUTHENTICATED, UNSUPPORTED_ENCODING, samples,
};
use crate::rest::problem;
use crate::rest::uppy::failure as uppy_failure;

/// The failures that every call can have.
pub(super) const COMMON: [Reason; 13] = [
    INVALID_REQUEST,
    UNAUTHENTICATED,
    TICKET_EXPIRED,
    TOKEN_EXPIRED,
    PERMISSION_DENIED,
    TOO_LARGE,
    UNSUPPORTED_ENCODING,
    TOO_MANY_REQUESTS,
    INTERNAL,
    STORE_CREDENTIALS_REFUSED,
    STORE_UNSUPPORTED,
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
    /// Returns the body of the response for a failure.
    pub(super) sample: fn(&Failure) -> Value,
}

/// The format of the calls: RFC 9457.
pub(super) const PROBLEM: Form = Form {
    media_type: "application/problem+json",
    schema: "Problem",
    reason: "code",
    prefix: "",
    sample: problem::sample,
};

/// The format of Uppy's routes.
pub(super) const UPPY: Form = Form {
    media_type: "application/json",
    schema: "UppyError",
    reason: "error",
    prefix: "Uppy",
    sample: uppy_failure::sample,
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
    let reasons = || failures.iter().filter(|reason| reason.http == status);
    let meanings: Vec<_> = reasons().map(|reason| reason.meaning).collect();
    let names: Vec<_> = reasons().map(|reason| reason.name).collect();
    let mut headers = json!({"X-Request-Id": reference("headers", "RequestId")});
    match status.as_u16() {
        401 => headers["WWW-Authenticate"] = reference("headers", "Authenticate"),
        429 | 503 => headers["Retry-After"] = reference("headers", "RetryAfter"),
        409 if [CHECKS_PENDING, OBJECT_BUSY].iter().any(|busy| failures.contains(busy)) => {
            headers["Retry-After"] = reference("headers", "RetryAfterConflict");
        }
        _ => {}
    }
    let reason = json!({"enum": names});
    let schema = json!({"allOf": [reference("schemas", form.schema), {"properties": {form.reason: reason}}]});
    let examples: Map<_, _> = reasons().filter_map(|reason| example(*reason, form)).collect();
    json!({
        "description": meanings.join(" "),
        "headers": headers,
        "content": {form.media_type: {"schema": schema, "examples": examples}},
    })
}

/// Returns a sample of the error response with this reason, by its name.
fn example(reason: Reason, form: Form) -> Option<(String, Value)> {
    let failure = samples().into_iter().find(|failure| failure.row().reason == reason)?;
    Some((reason.name.to_owned(), json!({"value": (form.sample)(&failure)})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::CALLS;
    use crate::errors::BATCH_ROLLED_BACK;

    /// Tests of the server cover the errors of stores, which cannot be created here.
    #[test]
    fn documented_failures_match_the_error_table() {
        let of_calls = CALLS.iter().flat_map(|call| call.failures).copied();
        let of_outcomes = [BATCH_ROLLED_BACK];
        let documented: Vec<_> = COMMON.into_iter().chain(of_outcomes).chain(of_calls).collect();
        let tabled: Vec<_> = samples().iter().map(|failure| failure.row().reason).collect();
        for reason in &tabled {
            assert!(documented.contains(reason), "{reason:?} is not documented");
        }
        for reason in documented
            .iter()
            .filter(|reason| ![STORE_CREDENTIALS_REFUSED, STORE_UNSUPPORTED].contains(reason))
        {
            assert!(tabled.contains(reason), "{reason:?} is not in the error table");
        }
    }

    #[test]
    fn retry_after_is_documented_where_the_error_table_has_it() {
        for failure in samples() {
            let row = failure.row();
            let response = response(row.reason.http, &[row.reason], PROBLEM);
            let documented = response.pointer("/headers/Retry-After").is_some();
            assert_eq!(documented, row.retry_after.is_some(), "{failure}");
        }
    }
}
