//! The web console: a page at `/` that does everything by the public API.
//!
//! Its files are in this binary, and it may load nothing else, but for what presigned URLs lead to.

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

/// Browsers ask each time whether what they have still is what there is, so that page and scripts never come from two
/// versions of the server.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// Nobody else's page may hold a handle on the console's window, or embed its files.
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

/// One route for each file, the page's own at `/`.
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

/// The same, with the origins at which a browser on this machine finds the console of this port.
///
/// # Errors
/// None that a port could cause.
pub(crate) fn with_own_origins(origins: AllowedOrigins, scheme: &str, port: u16) -> anyhow::Result<AllowedOrigins> {
    let own = ["localhost", "127.0.0.1"].map(|host| format!("{scheme}://{host}:{port}"));
    let all = own.iter().try_fold(origins, |origins, own| origins.and(own));
    all.context("the console has no origin")
}

/// The one document: what it may load is said with it.
async fn page(State(drafts): State<Arc<Drafts>>, headers: HeaderMap) -> Response {
    let policy = policy::of_page(&drafts).await;
    let mut response = answer(&assets::PAGE, &headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// A file of ours, unless whoever asks has it already.
pub(crate) fn answer(asset: &'static Asset, request: &HeaderMap) -> Response {
    revalidated(asset.content_type, asset.bytes, &asset.etag(), request)
}

/// The same of any bytes that have this `ETag`.
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
    // Hexadecimal digits in quotes always make a header's value.
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// Whether a list of ETags names this one. Weak ones do: proxies that compress weaken them.
fn names(tags: &HeaderValue, etag: &str) -> bool {
    let tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.into_iter()
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
