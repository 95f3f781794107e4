//! `/docs`: the REST front, for people. A page without scripts, made from the same document as `/openapi.json`.

mod call;
mod fields;
mod page;
mod text;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value};

use crate::console::{Asset, CSS, SVG, answer, etag, revalidated};

/// Nothing but our own style sheets and our own icon: there is no script, and nothing that could become one.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'self'; img-src 'self'",
);

/// What the page loads. Not the console's files, which need not be there: the same, where it looks as the console does.
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

/// Who the examples of curl talk to where the request does not say by which name it came.
const HOST: &str = "localhost:8080";

/// What is the name of that in the page as it is kept: no description has it.
const HOST_MARK: &str = "\u{1}";

#[derive(Debug)]
struct Docs {
    document: Value,
    has_console: bool,
    page: OnceLock<String>,
}

/// The page of this document, and what it loads. It links to the console where that is there.
pub(crate) fn router(document: Value, has_console: bool) -> Router {
    let docs = Docs {
        document,
        has_console,
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

/// Made when it is first asked for.
async fn page(State(docs): State<Arc<Docs>>, headers: HeaderMap) -> Response {
    let page = docs.page.get_or_init(|| page::of(&docs.document, docs.has_console));
    let page = page.replace(HOST_MARK, host(&headers));
    let etag = etag(page.as_bytes());
    let mut response = revalidated("text/html; charset=utf-8", page, &etag, &headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("host"));
    response
}

/// The name by which the request came, unless it is one that a shell or a page would read otherwise.
fn host(headers: &HeaderMap) -> &str {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    host.filter(|host| !host.is_empty() && host.bytes().all(plain))
        .unwrap_or(HOST)
}

/// Returns the items of an array, or none of anything else.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the members of an object, or none of anything else.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_name_no_host_that_a_shell_would_read_otherwise() {
        let of = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(value))]);
            host(&headers).to_owned()
        };
        for good in ["drafts.example.com", "127.0.0.1:8080", "[::1]:80"] {
            assert_eq!(of(good), good);
        }
        for bad in ["", "a;b", "a b", "$(a)", "<b>", "a'b", "a/b"] {
            assert_eq!(of(bad), HOST, "{bad:?}");
        }
    }
}
