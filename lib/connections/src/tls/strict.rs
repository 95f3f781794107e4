//! Browsers that came by TLS once do not come without it.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;

/// A year, which is what lists of such hosts ask for; names under this one are not ours to speak for.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc6797>, by which it says nothing where there is no TLS.
const STRICT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The router, whose answers say so.
pub(crate) fn strict(router: Router) -> Router {
    router.layer(map_response(say))
}

async fn say(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT);
    response
}
