//! Errors as `application/problem+json`.
//!
//! Source: RFC 9457.

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use draftstore_service::{Error, Violation};
use serde::Serialize;
use tonic::Code;

use crate::error_table::{challenge, field_errors, log, row, sentence};

/// A problem, as callers see it.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// There is no page about each problem: `about:blank`, and the status' own title.
    r#type: &'static str,
    title: &'static str,
    status: u16,
    /// A sentence for people.
    detail: String,
    /// Stable, for machines: the same as `ErrorInfo.reason`.
    code: &'static str,
    /// The fields that break a rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    challenge: Option<String>,
    #[serde(skip)]
    grpc: Option<Code>,
}

#[derive(Debug, Serialize)]
struct FieldError {
    field: String,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: String) -> Self {
        Self {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            errors: Vec::new(),
            retry_after: None,
            challenge: None,
            grpc: None,
        }
    }

    pub(super) fn no_route(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NO_SUCH_ROUTE",
            format!("there is nothing at {path}"),
        )
    }

    pub(super) fn wrong_method(method: &Method) -> Self {
        let detail = format!("{method} is not allowed here");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", detail)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        log(&error);
        let row = row(&error);
        let field_error = |Violation { field, rule }| FieldError { field, detail: rule };
        let errors = field_errors(&error).into_iter().map(field_error).collect();
        Self {
            errors,
            retry_after: row.retry_after,
            challenge: challenge(&error),
            grpc: Some(row.grpc),
            ..Self::new(row.http, row.reason, sentence(&error))
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(code) = self.grpc {
            response.extensions_mut().insert(code);
        }
        response
    }
}
