//! The documentation of the REST API at `/docs`: a page without scripts, made from the same document as `/openapi.json`.

mod call;
mod fields;
mod page;
mod text;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use axum::routing::get;
use draftstore_controller::Api;
use draftstore_controller::rest::{self, BaseUrl};
use serde_json::{Map, Value};

use crate::console::{Asset, CSS, SVG, answer, etag, revalidated};

/// The Content Security Policy of the page: it may load only its own style sheets and icon, and run no script.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'self'; img-src 'self'",
);

/// The files that the page loads. They have routes of their own, because the console may be off.
static ASSETS: [Asset; 3] = [
    Asset {
        route: "/docs/base.css",
        content_type: CSS,
        bytes: include_bytes!("../../console/style/base.css"),
    },
    Asset {
        route: "/docs/docs.css",
        content_type: CSS,
        bytes: include_bytes!("../../docs/docs.css"),
    },
    Asset {
        route: "/docs/icon.svg",
        content_type: SVG,
        bytes: include_bytes!("../../console/icon.svg"),
    },
];

/// The server's URL in examples if the request has no usable host name.
const DEFAULT_BASE_URL: &str = "http://localhost:8080";

/// The placeholder for the server's URL in the cached page. No description contains it.
const BASE_URL_MARK: &str = "\u{1}";

#[derive(Debug)]
struct Docs {
    api: Api,
    has_console: bool,
    base_url: BaseUrl,
    page: OnceLock<String>,
}

/// Returns the routes of the page, which describes these calls, and its files. The page links to the console if there is one.
pub(crate) fn router(api: Api, has_console: bool, base_url: BaseUrl) -> Router {
    let docs = Docs {
        api,
        has_console,
        base_url,
        page: OnceLock::new(),
    };
    let router = Router::new().route("/docs", get(page));
    let router = ASSETS.iter().fold(router, |router, asset| {
        router.route(
            asset.route,
            get(move |headers: HeaderMap| async move { answer(asset, &headers) }),
        )
    });
    router.with_state(Arc::new(docs))
}

/// Returns the page, which is built for the first request.
async fn page(State(docs): State<Arc<Docs>>, uri: Uri, headers: HeaderMap) -> Response {
    let built = || page::of(&rest::document(&docs.api), docs.has_console);
    let page = docs.page.get_or_init(built);
    let base_url = docs.base_url.of_request(&uri, &headers);
    let page = page.replace(BASE_URL_MARK, base_url.as_deref().unwrap_or(DEFAULT_BASE_URL));
    let etag = etag(page.as_bytes());
    let mut response = revalidated("text/html; charset=utf-8", page, &etag, &headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response.headers_mut().insert(header::VARY, BaseUrl::VARY);
    response
}

/// Returns the items of an array, or none of anything else.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the members of an object, or none of anything else.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
