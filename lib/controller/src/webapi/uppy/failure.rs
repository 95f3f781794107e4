//! Errors as Uppy reads them: it shows the `message` of a refusal to the user.

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use draftstore_service::{Error, Violation};
use serde::Serialize;
use tonic::Code;

use crate::error_table::{challenge, log, row, sentence};

/// A refusal. No other answer has a field `error`, by which Uppy tells them.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    /// Stable, for machines: the same as `ErrorInfo.reason`.
    error: &'static str,
    /// A sentence for people.
    message: String,
    #[serde(skip)]
    status: StatusCode,
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    challenge: Option<String>,
    #[serde(skip)]
    grpc: Option<Code>,
}

impl Failure {
    fn new(status: StatusCode, error: &'static str, message: String) -> Self {
        Self {
            error,
            message,
            status,
            retry_after: None,
            challenge: None,
            grpc: None,
        }
    }

    pub(super) fn no_route(path: &str) -> Self {
        let message = format!("there is nothing at {path}");
        Self::new(StatusCode::NOT_FOUND, "NO_SUCH_ROUTE", message)
    }

    pub(super) fn wrong_method(method: &Method) -> Self {
        let message = format!("{method} is not allowed here");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let error = in_its_words(error);
        log(&error);
        let row = row(&error);
        Self {
            retry_after: row.retry_after,
            challenge: challenge(&error),
            grpc: Some(row.grpc),
            ..Self::new(row.http, row.reason, sentence(&error))
        }
    }
}

/// With the names that the fields have here.
fn in_its_words(error: Error) -> Error {
    let Error::Invalid(violations) = error else {
        return error;
    };
    let renamed = |violation: Violation| {
        let field = match violation.field.as_str() {
            "object_name" | "draft_id" => "key".to_owned(),
            "upload_id" => "uploadId".to_owned(),
            other => other.replace("part_number", "PartNumber").replace("etag", "ETag"),
        };
        Violation::new(field, violation.rule)
    };
    Error::Invalid(violations.into_iter().map(renamed).collect())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
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
