//! The web console: a page at `/` that uses the public API only.
//!
//! Its files are in this binary. It may load nothing else, except through presigned URLs.

mod assets;
mod policy;

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use draftstore_service::{AllowedOrigins, Drafts};

use self::assets::ASSETS;
pub(crate) use self::assets::{Asset, CSS, SVG, etag};

/// The cache policy of pages and files: browsers revalidate them each time, so that page and scripts never come from two
/// versions of the server.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The headers that isolate the console: pages of other sites can neither access its window nor embed its files.
const ISOLATION: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Returns the routes of the console: the page at `/`, and its files.
pub(crate) fn router(drafts: Drafts) -> Router {
    let drafts = Arc::new(drafts);
    let router = Router::new().route("/", get(page));
    let router = ASSETS.iter().fold(router, |router, asset| {
        router.route(
            asset.route,
            get(move |headers: HeaderMap| async move { answer(asset, &headers) }),
        )
    });
    router.with_state(drafts)
}

/// Adds the origins of the console on this machine to the allowed origins.
///
/// # Errors
/// An error if an origin is invalid, which no port can cause.
pub(crate) fn with_own_origins(origins: AllowedOrigins, scheme: &str, port: u16) -> anyhow::Result<AllowedOrigins> {
    let own = ["localhost", "127.0.0.1"].map(|host| format!("{scheme}://{host}:{port}"));
    let all = own.iter().try_fold(origins, |origins, own| origins.with(own));
    all.context("the console's origin is invalid")
}

/// Returns the page, with a policy of what it may load.
async fn page(State(drafts): State<Arc<Drafts>>, headers: HeaderMap) -> Response {
    let policy = policy::of_page(&drafts).await;
    let page = assets::page(drafts.policy().replaced_lifetime().is_some());
    let mut response = revalidated(assets::PAGE.content_type, page.clone(), &etag(&page), &headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Returns a file, or 304 if the client has the current one.
pub(crate) fn answer(asset: &'static Asset, request: &HeaderMap) -> Response {
    revalidated(asset.content_type, asset.bytes, &asset.etag(), request)
}

/// Returns this body, or 304 if the client has one with this `ETag`.
pub(crate) fn revalidated(content_type: &str, body: impl Into<Body>, etag: &str, request: &HeaderMap) -> Response {
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|tags| names(tags, etag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type)], body.into()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, REVALIDATE);
    headers.extend(ISOLATION);
    // Hexadecimal digits in quotes are always a valid header value.
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// Returns whether a list of ETags contains this one. Weak ones match, because proxies that compress weaken them.
fn names(tags: &HeaderValue, etag: &str) -> bool {
    let tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.into_iter()
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
