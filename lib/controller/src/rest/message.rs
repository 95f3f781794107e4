//! JSON messages of requests and responses.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use draftstore_service::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::calls::Size;
use crate::elements::check_json;
use crate::errors::Failure;

/// The initial capacity of a response's body, in bytes. Most fit.
const USUAL_REPLY: usize = 1024;

/// Decodes the message in a body. An empty body is the empty message.
///
/// The content type is not checked, so that a plain `curl -d` works. Requests from web pages are the exception: they must have
/// `application/json`, for which browsers send a preflight.
pub(super) fn decode<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8], size: Size) -> Result<T, Failure> {
    if headers.contains_key(header::ORIGIN) && !is_json(headers) {
        return Err(Failure::invalid(
            "content-type",
            "must be application/json from a web page",
        ));
    }
    let json: &[u8] = if body.is_empty() { b"{}" } else { body };
    check_json(json, size.max_elements())?;
    parse(json)
}

/// A message as the JSON body of a response.
#[derive(Debug)]
pub(super) struct Reply<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let mut json = Vec::with_capacity(USUAL_REPLY);
        match serde_json::to_writer(&mut json, &self.0) {
            Ok(()) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
            Err(error) => Failure::from(Error::Internal(Box::new(error))).into_response(),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Failure> {
    // Tracking the path costs more than parsing, so only errors are parsed again with it.
    serde_json::from_slice(json).or_else(|_| parse_with_path(json))
}

fn parse_with_path<T: DeserializeOwned>(json: &[u8]) -> Result<T, Failure> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let message = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| refusal(&error))?;
    deserializer
        .end()
        .map_err(|error| Failure::invalid("body", &format!("must be one JSON object: {error}")))?;
    Ok(message)
}

/// Returns the failure for the field that does not match the contract, or for the body if it is not JSON.
fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Failure {
    let (path, reason) = (error.path().to_string(), error.inner());
    match reason.classify() {
        Category::Data if path == "." => Failure::invalid(
            "body",
            &format!("must be a JSON object with the fields of the request: {reason}"),
        ),
        Category::Data if is_about_a_number(&reason.to_string()) => Failure::invalid(
            &path,
            "must be a whole number within the range of the field, as a number or a string",
        ),
        Category::Data => Failure::invalid(&path, &format!("must match the schema: {reason}")),
        Category::Syntax | Category::Eof | Category::Io => {
            Failure::invalid("body", &format!("must be valid JSON: {reason}"))
        }
    }
}

/// Returns whether the reason is about a number. The generated mapping tries a number and a string, and reports only that
/// neither matches.
fn is_about_a_number(reason: &str) -> bool {
    let causes = [
        "data did not match any variant",
        "invalid digit",
        "number too",
        "cannot parse integer",
    ];
    causes.iter().any(|cause| reason.starts_with(cause))
}

#[cfg(test)]
mod tests {
    use draftstore_proto::v1::GetUploadUrlRequest;
    use draftstore_service::Violation;

    use super::*;

    fn violation(json: &str) -> Violation {
        match parse::<GetUploadUrlRequest>(json.as_bytes()) {
            Err(Failure::Service(Error::Invalid(mut violations))) => violations.remove(0),
            other => panic!("{json}: {other:?}"),
        }
    }

    #[test]
    fn invalid_json_names_the_field() {
        for (json, field) in [
            ("", "body"),
            ("[]", "body"),
            ("null", "body"),
            ("{", "body"),
            ("{} {}", "body"),
            (r#"{"object_name": 5}"#, "object_name"),
            (r#"{"object_name": "a", "content_length": "many"}"#, "content_length"),
            (r#"{"object_name": "a", "content_length": 1.5}"#, "content_length"),
            (r#"{"object_name": "a", "expires_in": 99999999999}"#, "expires_in"),
            (r#"{"object_name": "a", "metadata": {"x": 1}}"#, "metadata.x"),
            (r#"{"object_name": "a", "nonsense": 1}"#, "nonsense"),
            (r#"{"object_name": "a", "object_name": "b"}"#, "body"),
        ] {
            let violation = violation(json);
            assert_eq!(violation.field, field, "{json}: {}", violation.rule);
        }
    }

    #[test]
    fn invalid_number_names_the_rule() {
        for number in ["\"many\"", "\"\"", "1.5", "99999999999999999999", "true", "[]"] {
            let violation = violation(&format!(r#"{{"content_length": {number}}}"#));
            assert!(
                violation.rule.starts_with("must be a whole number"),
                "{number}: {}",
                violation.rule
            );
        }
    }

    #[test]
    fn snake_case_camel_case_and_numbers_in_strings_are_read() {
        let snake = r#"{"object_name": "a", "content_length": "7"}"#;
        let camel = r#"{"objectName": "a", "contentLength": 7}"#;
        let snake: GetUploadUrlRequest = parse(snake.as_bytes()).expect("parses");
        let camel: GetUploadUrlRequest = parse(camel.as_bytes()).expect("parses");
        assert_eq!(snake, camel);
        assert_eq!(snake.content_length, Some(7));
    }
}
