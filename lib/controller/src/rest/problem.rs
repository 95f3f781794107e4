//! Failures as `application/problem+json`.
//!
//! Source: RFC 9457.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use draftstore_service::Violation;
use serde::Serialize;
use serde_json::{Value, json};

use crate::errors::{Failure, Row};
use crate::refusal::Refusal;

/// The body of an error response.
#[derive(Debug, Serialize)]
struct Problem {
    /// Always `about:blank`, because no problem has a page of its own. The title is the status text.
    r#type: &'static str,
    title: &'static str,
    status: u16,
    /// The human-readable message.
    detail: String,
    /// The stable, machine-readable reason.
    code: &'static str,
    /// The invalid fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

#[derive(Debug, Serialize)]
struct FieldError {
    field: String,
    detail: String,
}

/// Returns the response for a failure.
pub(crate) fn error_response(failure: &Failure) -> Response {
    let mut row = failure.report();
    let problem = Problem::new(failure, &mut row);
    respond(&row, "application/problem+json", &problem)
}

/// Returns the body of the response for a failure, for a stream whose response has begun.
pub(super) fn text(failure: &Failure) -> String {
    serde_json::to_string(&Problem::new(failure, &mut failure.report())).unwrap_or_default()
}

/// Returns the body of the response for a failure, for the documentation.
pub(crate) fn sample(failure: &Failure) -> Value {
    json!(Problem::new(failure, &mut failure.row()))
}

impl Problem {
    /// Creates the body for a failure, with the fields of its row.
    fn new(failure: &Failure, row: &mut Row<'_>) -> Self {
        let detail = failure.sentence(&row.fields);
        let field_error = |Violation { field, rule }| FieldError { field, detail: rule };
        Self {
            r#type: "about:blank",
            title: row.reason.http.canonical_reason().unwrap_or("Error"),
            status: row.reason.http.as_u16(),
            detail,
            code: row.reason.name,
            errors: std::mem::take(&mut row.fields).into_iter().map(field_error).collect(),
        }
    }
}

/// Returns the response for a refusal of the gate.
pub(super) fn refuse(refusal: Refusal) -> Response {
    error_response(&refusal.into())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        error_response(&self)
    }
}

/// Returns a response with this body, and with the headers and labels of the row.
pub(super) fn respond(row: &Row<'_>, content_type: &'static str, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = (row.reason.http, [(header::CONTENT_TYPE, content_type)], body).into_response();
    let headers = response.headers_mut();
    if let Some(seconds) = row.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(challenge) = row.challenge.as_ref().and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    let extensions = response.extensions_mut();
    extensions.insert(row.reason.grpc);
    if let Some(limit) = row.limit {
        extensions.insert(limit);
    }
    response
}
