//! CORS responses, computed from the rules of a bucket. `s3s` does not implement CORS.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use http::{HeaderMap, HeaderName, HeaderValue, header};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::index::CorsRuleRecord;

/// Returns the response headers of a preflight request.
///
/// # Errors
/// Returns 400 if the request is not a preflight, and 403 if no rule allows it.
pub(crate) fn preflight(rules: Option<&[CorsRuleRecord]>, request: &HeaderMap) -> S3Result<HeaderMap> {
    let origin = text(request, &header::ORIGIN)
        .ok_or_else(|| bad_request("Insufficient information. Origin request header needed."))?;
    let method = text(request, &header::ACCESS_CONTROL_REQUEST_METHOD)
        .ok_or_else(|| bad_request("Invalid Access-Control-Request-Method: null"))?;
    let Some(rules) = rules else {
        return Err(forbidden("CORSResponse: CORS is not enabled for this bucket."));
    };
    let requested = text(request, &header::ACCESS_CONTROL_REQUEST_HEADERS)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let requested: Vec<_> = requested
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let rule = rules
        .iter()
        .find(|rule| rule.allows(origin, method) && rule.allows_headers(&requested));
    let message = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                   request method / Access-Control-Request-Method or Access-Control-Request-Headers are not \
                   whitelisted by the resource's CORS spec.";
    let rule = rule.ok_or_else(|| forbidden(message))?;
    let mut headers = rule.headers(origin);
    if !requested.is_empty() {
        put(
            &mut headers,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            &requested.join(", "),
        );
    }
    Ok(headers)
}

/// Returns the CORS headers of a response to a cross-origin request; only `Vary` if no rule allows the origin.
pub(crate) fn response_headers(rules: &[CorsRuleRecord], origin: &str, method: &str) -> HeaderMap {
    match rules.iter().find(|rule| rule.allows(origin, method)) {
        Some(rule) => rule.headers(origin),
        None => HeaderMap::from_iter([vary()]),
    }
}

impl CorsRuleRecord {
    fn allows(&self, origin: &str, method: &str) -> bool {
        self.allowed_methods.iter().any(|allowed| allowed == method) && self.allowed_origin(origin).is_some()
    }

    fn allowed_origin(&self, origin: &str) -> Option<&str> {
        self.allowed_origins
            .iter()
            .map(String::as_str)
            .find(|pattern| matches_wildcard(pattern, origin))
    }

    /// Returns true if all requested headers are allowed. The names in `requested` must be in lower case.
    fn allows_headers(&self, requested: &[&str]) -> bool {
        let patterns: Vec<_> = self
            .allowed_headers
            .iter()
            .map(|pattern| pattern.to_ascii_lowercase())
            .collect();
        requested
            .iter()
            .all(|name| patterns.iter().any(|pattern| matches_wildcard(pattern, name)))
    }

    fn headers(&self, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([vary()]);
        if self.allowed_origin(origin) == Some("*") {
            put(&mut headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        } else {
            put(&mut headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            put(&mut headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        put(
            &mut headers,
            header::ACCESS_CONTROL_ALLOW_METHODS,
            &self.allowed_methods.join(", "),
        );
        if !self.expose_headers.is_empty() {
            put(
                &mut headers,
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                &self.expose_headers.join(", "),
            );
        }
        if let Some(seconds) = self.max_age_seconds {
            put(&mut headers, header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
        }
        headers
    }
}

/// Matches `text` against a pattern with at most one `*`, which stands for any run of characters.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail),
    }
}

fn vary() -> (HeaderName, HeaderValue) {
    let value = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
    (header::VARY, HeaderValue::from_static(value))
}

/// Inserts the header unless the value is not a valid header value.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bad_request(message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom("BadRequest".into()), message);
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

fn forbidden(message: &'static str) -> S3Error {
    let mut error = s3_error!(AccessDenied, "{message}");
    error.set_code(S3ErrorCode::Custom("AccessForbidden".into()));
    error.set_status_code(http::StatusCode::FORBIDDEN);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origin: &str) -> CorsRuleRecord {
        CorsRuleRecord {
            id: None,
            allowed_origins: vec![origin.into()],
            allowed_methods: vec!["PUT".into()],
            allowed_headers: vec!["Content-Type".into(), "x-amz-*".into()],
            expose_headers: vec!["ETag".into()],
            max_age_seconds: Some(60),
        }
    }

    fn send_preflight(rules: &[CorsRuleRecord], method: &str, headers: &str) -> S3Result<HeaderMap> {
        let mut request = HeaderMap::new();
        put(&mut request, header::ORIGIN, "https://app.example.com");
        put(&mut request, header::ACCESS_CONTROL_REQUEST_METHOD, method);
        put(&mut request, header::ACCESS_CONTROL_REQUEST_HEADERS, headers);
        preflight(Some(rules), &request)
    }

    #[test]
    fn first_rule_that_allows_a_preflight_answers_it() {
        let rules = [rule("https://other.example.com"), rule("https://*.example.com")];
        let headers = send_preflight(&rules, "PUT", "content-type, X-Amz-Meta-A").unwrap();
        assert_eq!(headers["access-control-allow-origin"], "https://app.example.com");
        assert_eq!(headers["access-control-allow-headers"], "content-type, x-amz-meta-a");
        assert_eq!(headers["access-control-expose-headers"], "ETag");
        assert_eq!(headers["access-control-max-age"], "60");
        assert!(headers["vary"].to_str().unwrap().contains("Origin"));
    }

    #[test]
    fn preflight_that_no_rule_allows_is_forbidden() {
        let rules = [rule("https://*.example.com")];
        for (method, headers) in [("GET", ""), ("PUT", "authorization")] {
            let error = send_preflight(&rules, method, headers).unwrap_err();
            assert_eq!(error.status_code(), Some(http::StatusCode::FORBIDDEN));
        }
        assert!(send_preflight(&[], "PUT", "").is_err());
    }

    #[test]
    fn wildcard_origin_is_returned_without_credentials() {
        let headers = response_headers(&[rule("*")], "https://a", "PUT");
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        assert!(!response_headers(&[rule("*")], "https://a", "GET").contains_key("access-control-allow-origin"));
    }
}
