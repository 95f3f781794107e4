//! Cross-origin requests, answered from a bucket's rules: `s3s` does not do it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use http::{HeaderMap, HeaderName, HeaderValue, header};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::index::CorsRule;

/// The headers that answer a preflight.
///
/// # Errors
/// 400 where it is none, 403 where no rule allows what it asks.
pub(crate) fn preflight(rules: Option<&[CorsRule]>, request: &HeaderMap) -> S3Result<HeaderMap> {
    let origin =
        text(request, &header::ORIGIN).ok_or_else(|| bad("Insufficient information. Origin request header needed."))?;
    let method = text(request, &header::ACCESS_CONTROL_REQUEST_METHOD)
        .ok_or_else(|| bad("Invalid Access-Control-Request-Method: null"))?;
    let Some(rules) = rules else {
        return Err(forbidden("CORSResponse: CORS is not enabled for this bucket."));
    };
    let asked = text(request, &header::ACCESS_CONTROL_REQUEST_HEADERS)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let asked: Vec<_> = asked
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let rule = rules
        .iter()
        .find(|rule| rule.allows(origin, method) && rule.allows_headers(&asked));
    let message = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                   request method / Access-Control-Request-Method or Access-Control-Request-Headers are not \
                   whitelisted by the resource's CORS spec.";
    let rule = rule.ok_or_else(|| forbidden(message))?;
    let mut answer = rule.answer(origin);
    if !asked.is_empty() {
        put(&mut answer, header::ACCESS_CONTROL_ALLOW_HEADERS, &asked.join(", "));
    }
    Ok(answer)
}

/// The headers that go with the answer to a request from another origin; `Vary` alone where no rule allows it.
pub(crate) fn actual(rules: &[CorsRule], origin: &str, method: &str) -> HeaderMap {
    match rules.iter().find(|rule| rule.allows(origin, method)) {
        Some(rule) => rule.answer(origin),
        None => HeaderMap::from_iter([vary()]),
    }
}

impl CorsRule {
    fn allows(&self, origin: &str, method: &str) -> bool {
        self.allowed_methods.iter().any(|allowed| allowed == method) && self.allowed_origin(origin).is_some()
    }

    fn allowed_origin(&self, origin: &str) -> Option<&str> {
        self.allowed_origins
            .iter()
            .map(String::as_str)
            .find(|pattern| like(pattern, origin))
    }

    /// `asked` is in lower case.
    fn allows_headers(&self, asked: &[&str]) -> bool {
        let patterns: Vec<_> = self
            .allowed_headers
            .iter()
            .map(|pattern| pattern.to_ascii_lowercase())
            .collect();
        asked
            .iter()
            .all(|name| patterns.iter().any(|pattern| like(pattern, name)))
    }

    fn answer(&self, origin: &str) -> HeaderMap {
        let mut answer = HeaderMap::from_iter([vary()]);
        if self.allowed_origin(origin) == Some("*") {
            put(&mut answer, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        } else {
            put(&mut answer, header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            put(&mut answer, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        put(
            &mut answer,
            header::ACCESS_CONTROL_ALLOW_METHODS,
            &self.allowed_methods.join(", "),
        );
        if !self.expose_headers.is_empty() {
            put(
                &mut answer,
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                &self.expose_headers.join(", "),
            );
        }
        if let Some(seconds) = self.max_age_seconds {
            put(&mut answer, header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
        }
        answer
    }
}

/// `pattern` has at most one `*`, which stands for any run of characters.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail),
    }
}

fn vary() -> (HeaderName, HeaderValue) {
    let value = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
    (header::VARY, HeaderValue::from_static(value))
}

/// A rule's text that cannot be a header's value is left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bad(message: &'static str) -> S3Error {
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

    fn rule(origin: &str) -> CorsRule {
        CorsRule {
            id: None,
            allowed_origins: vec![origin.into()],
            allowed_methods: vec!["PUT".into()],
            allowed_headers: vec!["Content-Type".into(), "x-amz-*".into()],
            expose_headers: vec!["ETag".into()],
            max_age_seconds: Some(60),
        }
    }

    fn ask(rules: &[CorsRule], method: &str, headers: &str) -> S3Result<HeaderMap> {
        let mut request = HeaderMap::new();
        put(&mut request, header::ORIGIN, "https://app.example.com");
        put(&mut request, header::ACCESS_CONTROL_REQUEST_METHOD, method);
        put(&mut request, header::ACCESS_CONTROL_REQUEST_HEADERS, headers);
        preflight(Some(rules), &request)
    }

    #[test]
    fn a_preflight_is_answered_by_the_first_rule_that_allows_it() {
        let rules = [rule("https://other.example.com"), rule("https://*.example.com")];
        let answer = ask(&rules, "PUT", "content-type, X-Amz-Meta-A").unwrap();
        assert_eq!(answer["access-control-allow-origin"], "https://app.example.com");
        assert_eq!(answer["access-control-allow-headers"], "content-type, x-amz-meta-a");
        assert_eq!(answer["access-control-expose-headers"], "ETag");
        assert_eq!(answer["access-control-max-age"], "60");
        assert!(answer["vary"].to_str().unwrap().contains("Origin"));
    }

    #[test]
    fn what_no_rule_allows_is_forbidden() {
        let rules = [rule("https://*.example.com")];
        for (method, headers) in [("GET", ""), ("PUT", "authorization")] {
            let error = ask(&rules, method, headers).unwrap_err();
            assert_eq!(error.status_code(), Some(http::StatusCode::FORBIDDEN));
        }
        assert!(ask(&[], "PUT", "").is_err());
    }

    #[test]
    fn any_origin_is_said_as_such_and_without_credentials() {
        let answer = actual(&[rule("*")], "https://a", "PUT");
        assert_eq!(answer["access-control-allow-origin"], "*");
        assert!(!answer.contains_key("access-control-allow-credentials"));
        assert!(!actual(&[rule("*")], "https://a", "GET").contains_key("access-control-allow-origin"));
    }
}
