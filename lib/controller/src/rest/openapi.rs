//! The route `/openapi.json`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::base_url::BaseUrl;
use crate::Api;
use crate::openapi::{self, Facts};

/// The placeholder for the server's URL in the cached document.
const SERVER: &str = "https://server.invalid";

/// Returns the `OpenAPI` document of a server with these calls.
pub fn document(api: &Api) -> Value {
    openapi::document(facts(api), "/")
}

fn facts(api: &Api) -> Facts {
    let policy = api.policy();
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Facts {
        upload_ttl: seconds(policy.upload_ttl()),
        download_ttl: seconds(policy.download_ttl()),
        object_lifetime: seconds(policy.object_lifetime()),
        requires_auth: api.authenticator().requires_auth(),
    }
}

/// The encoded document. It is built for the first request, because most servers get none, and cached. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Document {
    facts: Facts,
    base_url: BaseUrl,
    built: Arc<OnceLock<String>>,
}

impl Document {
    pub(super) fn new(api: &Api, base_url: BaseUrl) -> Self {
        Self {
            facts: facts(api),
            base_url,
            built: Arc::default(),
        }
    }

    /// Returns the document with this URL of the server.
    fn json(&self, server: &str) -> String {
        let built = self
            .built
            .get_or_init(|| openapi::document(self.facts, SERVER).to_string());
        built.replacen(SERVER, server, 1)
    }
}

/// Returns the document, or 304 if the client has the current one.
pub(super) async fn get(State(document): State<Document>, uri: Uri, headers: HeaderMap) -> Response {
    let server = document.base_url.of_request(&uri, &headers);
    let json = document.json(server.as_deref().unwrap_or("/"));
    let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&json)[..16]));
    let mut tags = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut response = if tags.any(|tags| names(tags, &etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], json).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, BaseUrl::VARY);
    // Hexadecimal digits in quotes are always a valid header value.
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// Returns whether a list of `ETag`s contains this one. Weak ones match, because proxies that compress weaken them.
fn names(tags: &HeaderValue, etag: &str) -> bool {
    let mut tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
