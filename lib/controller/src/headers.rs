//! What every answer of both ports tells a browser.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

/// Answers are data: nobody guesses another type, keeps them, frames them, runs what is in them, or embeds them in a page of
/// another site; and what is asked for next is not told where from.
///
/// Source: <https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers>
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        // Pages of some origins get more headers.
        header::VARY,
        HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers"),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Headers that an answer has by itself, and those of budgets, find room without another allocation.
const USUAL_HEADERS: usize = 16;

/// To copy a map that has them takes an eighth less than to put them into the answer's own.
static MAP: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut map = HeaderMap::with_capacity(USUAL_HEADERS);
    map.extend(HEADERS);
    map
});

/// The answer with these headers, but for those that it has by itself.
pub(crate) fn guard(mut response: Response) -> Response {
    let own = std::mem::replace(response.headers_mut(), MAP.clone());
    response.headers_mut().extend(own);
    response
}
