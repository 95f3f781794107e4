//! CORS: only web pages of the configured origins may use a port.

use std::str::FromStr;
use std::time::{Duration, Instant};

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, header};
use draftstore_config::settings;
use draftstore_connections::LogInterval;
use draftstore_service::AllowedOrigins;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// The time for which browsers may cache the response to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3600);

/// The maximum length of an origin in the log, in bytes.
const MAX_LOGGED_ORIGIN: usize = 200;

/// The request headers that libraries in pages add by themselves: for traces, and Uppy's.
///
/// Source: W3C Trace Context, W3C Baggage, <https://develop.sentry.dev/sdk/telemetry/traces/>, and `@uppy/companion-client`.
const LIBRARY_HEADERS: [HeaderName; 8] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    HeaderName::from_static("sentry-trace"),
    HeaderName::from_static("uppy-auth-token"),
    HeaderName::from_static("uppy-credentials-params"),
    HeaderName::from_static("uppy-versions"),
    HeaderName::from_static("x-requested-with"),
];

settings! {
    /// The settings of CORS besides the origins.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CorsSettings in "Requests" {
        /// Further request headers that web pages may send, with commas between, or `*` for any. The server ignores them.
        pub request_headers: Option<RequestHeaders> = "CORS_ALLOWED_HEADERS", unset "none", str::parse;
    }
}

/// A list of request headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestHeaders {
    /// Every header of a request.
    Any,
    /// Only the listed headers.
    Listed(Vec<HeaderName>),
}

/// The error of a text that is not a list of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be names of headers with commas between, or '*'")]
pub struct InvalidRequestHeaders;

impl FromStr for RequestHeaders {
    type Err = InvalidRequestHeaders;

    fn from_str(text: &str) -> Result<Self, InvalidRequestHeaders> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names: Result<_, _> = names
            .map(|name| HeaderName::try_from(name.to_ascii_lowercase()))
            .collect();
        names.map(Self::Listed).map_err(|_| InvalidRequestHeaders)
    }
}

/// The pages that may use both ports, and the headers that they may send.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// The origins of the pages.
    pub origins: AllowedOrigins,
    /// The settings besides the origins.
    pub settings: CorsSettings,
}

/// Allows pages of these origins to send requests by these methods with these headers, and to read these response headers.
pub(crate) fn cors(
    cors: &Cors,
    methods: &[Method],
    request_headers: &[HeaderName],
    response_headers: &[HeaderName],
) -> CorsLayer {
    let library_headers = &LIBRARY_HEADERS;
    let request_headers = match &cors.settings.request_headers {
        Some(RequestHeaders::Any) => AllowHeaders::mirror_request(),
        Some(RequestHeaders::Listed(more)) => {
            AllowHeaders::list(request_headers.iter().chain(library_headers).chain(more).cloned())
        }
        None => AllowHeaders::list(request_headers.iter().chain(library_headers).cloned()),
    };
    CorsLayer::new()
        .allow_origin(allow_origin(&cors.origins))
        .allow_methods(methods.to_vec())
        .allow_headers(request_headers)
        .expose_headers(response_headers.to_vec())
        .max_age(PREFLIGHT_MAX_AGE)
}

fn allow_origin(origins: &AllowedOrigins) -> AllowOrigin {
    if origins.allows_any() {
        return AllowOrigin::any();
    }
    let origins = origins.clone();
    AllowOrigin::predicate(move |origin, request| {
        let text = origin.to_str().unwrap_or_default();
        let is_allowed = origins.allows(text);
        if !is_allowed && !is_own(text, request) {
            log_refused(origin);
        }
        is_allowed
    })
}

/// Returns true if the page comes from this server, for which browsers need no CORS.
fn is_own(origin: &str, request: &Parts) -> bool {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri.authority().map(Authority::as_str));
    origin
        .split_once("://")
        .is_some_and(|(_, authority)| host == Some(authority))
}

/// Logs an origin that is not allowed, unless another one was logged just before.
pub(crate) fn log_refused(origin: &HeaderValue) {
    static INTERVAL: LogInterval = LogInterval::new();

    let Some(unlogged) = INTERVAL.next(Instant::now()) else {
        return;
    };
    let bytes = &origin.as_bytes()[..origin.len().min(MAX_LOGGED_ORIGIN)];
    let origin = bytes.escape_ascii().to_string();
    tracing::warn!(
        origin,
        unlogged,
        variable = "CORS_ALLOWED_ORIGINS",
        "origin not allowed"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lists_are_read_in_any_letter_case() {
        let listed: RequestHeaders = "X-Tenant, b3 ,".parse().expect("valid");
        let names = ["x-tenant", "b3"].map(HeaderName::from_static);
        assert_eq!(listed, RequestHeaders::Listed(names.to_vec()));
        assert_eq!("*".parse(), Ok(RequestHeaders::Any));
        for wrong in ["a b", "a:b", "*,a b"] {
            assert_eq!(wrong.parse::<RequestHeaders>(), Err(InvalidRequestHeaders), "{wrong}");
        }
    }
}
