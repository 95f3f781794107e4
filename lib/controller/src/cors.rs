//! Which web pages may use a port: those of the configured origins.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use draftstore_service::AllowedOrigins;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what a preflight allowed.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3600);

/// Lets pages of these origins send requests by these methods with these headers, and see these headers of the answers.
pub(crate) fn cors(
    origins: &AllowedOrigins,
    methods: &[Method],
    sent: &[HeaderName],
    seen: &[HeaderName],
) -> CorsLayer {
    let any = origins.as_slice().iter().any(|origin| origin == "*");
    let listed = origins
        .as_slice()
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok());
    let allowed = if any {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(listed)
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods(methods.to_vec())
        .allow_headers(sent.to_vec())
        .expose_headers(seen.to_vec())
        .max_age(PREFLIGHT_MAX_AGE)
}
