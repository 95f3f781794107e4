//! The REST front: the contract's messages as JSON, `snake_case`.

mod health;
mod in_path;
mod message;
mod problem;
mod routes;
mod uppy;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use draftstore_service::{AllowedOrigins, Error};
use tower_http::set_header::SetResponseHeaderLayer;

pub(crate) use self::in_path::{InPath, path_of, shown};
use self::problem::Problem;
use self::routes::IDEMPOTENCY_KEY;
pub use self::routes::{ROUTES, Route};
use crate::cors::cors;
use crate::observe::{REQUEST_ID, observed};
use crate::{Api, Gate, Readiness};

/// What pages of other origins may do here, by which methods,
const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::DELETE];

/// with which headers,
const CALLER_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::AUTHORIZATION, IDEMPOTENCY_KEY, REQUEST_ID];

/// and which headers of the answer they see.
const ANSWER_HEADERS: [HeaderName; 2] = [header::RETRY_AFTER, REQUEST_ID];

/// All routes of the port, the calls behind the gate; each also behind a ticket in its path.
pub fn router(api: Api, gate: &Gate, origins: &AllowedOrigins, readiness: Readiness) -> Router {
    let no_store = HeaderValue::from_static("no-store");
    let nosniff = HeaderValue::from_static("nosniff");
    let router = Router::new()
        .route("/health", get(health::live))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready).with_state(readiness))
        .merge(gate.before(routes::router(), refuse))
        .nest("/uppy", uppy::router(gate))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(api)
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, no_store))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            nosniff,
        ))
        .layer(cors(origins, &METHODS, &CALLER_HEADERS, &ANSWER_HEADERS));
    in_path::taken_out(observed(router))
}

fn refuse(error: Error) -> Response {
    Problem::from(error).into_response()
}

async fn no_route(request: Request) -> Problem {
    Problem::no_route(&shown(request.uri().path()))
}

async fn wrong_method(request: Request) -> Problem {
    Problem::wrong_method(request.method())
}
