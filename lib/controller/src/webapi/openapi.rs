//! `/openapi.json`: the REST front, for programs.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::openapi::{self, Facts, Json};
use crate::{Api, Gate};

/// The document of a server of these calls, behind this gate.
pub fn document(api: &Api, gate: &Gate) -> Json {
    openapi::document(facts(api, gate))
}

fn facts(api: &Api, gate: &Gate) -> Facts {
    let policy = api.policy();
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Facts {
        upload_ttl: seconds(policy.upload_ttl()),
        download_ttl: seconds(policy.download_ttl()),
        object_lifetime: seconds(policy.object_lifetime()),
        asks_who: gate.asks_who(),
    }
}

/// The document as it is sent. Made when it is first asked for, and kept: most servers are never asked. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Document {
    facts: Facts,
    made: Arc<OnceLock<Made>>,
}

#[derive(Debug)]
struct Made {
    json: Vec<u8>,
    etag: String,
}

impl Document {
    /// Of a server of these calls, behind this gate.
    pub(super) fn of(api: &Api, gate: &Gate) -> Self {
        Self {
            facts: facts(api, gate),
            made: Arc::default(),
        }
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let json = serde_json::to_vec(&openapi::document(self.facts)).unwrap_or_default();
            let mut etag = String::from("\"");
            for byte in Sha256::digest(&json).iter().take(16) {
                // Writing to a string does not fail.
                let _ = write!(etag, "{byte:02x}");
            }
            etag.push('"');
            Made { json, etag }
        })
    }
}

/// Whoever has it asks each time whether it still is what there is.
pub(super) async fn answer(State(document): State<Document>, headers: HeaderMap) -> Response {
    let Made { json, etag } = document.made();
    let mut tags = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut response = if tags.any(|tags| names(tags, etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], json.clone()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Hexadecimal digits in quotes always make a header's value.
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// Whether a list of ETags names this one. Weak ones do: proxies that compress weaken them.
fn names(tags: &HeaderValue, etag: &str) -> bool {
    let mut tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
