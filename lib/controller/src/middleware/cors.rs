//! CORS: only web pages of the configured origins may use a port.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use draftstore_service::AllowedOrigins;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The time for which browsers may cache the response to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3600);

/// Allows pages of these origins to send requests by these methods with these headers, and to read these response headers.
pub(crate) fn cors(
    origins: &AllowedOrigins,
    methods: &[Method],
    request_headers: &[HeaderName],
    response_headers: &[HeaderName],
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
        .allow_headers(request_headers.to_vec())
        .expose_headers(response_headers.to_vec())
        .max_age(PREFLIGHT_MAX_AGE)
}
