//! The REST front: the contract's messages as JSON, `snake_case`.

mod dispatch;
mod health;
mod in_path;
mod message;
mod openapi;
mod problem;
mod routes;
mod uppy;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{HeaderName, Method, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use draftstore_service::{AllowedOrigins, Error};
use futures::future::BoxFuture;
use tower::Layer as _;

use self::dispatch::Dispatch;
pub(crate) use self::in_path::{InPath, path_of, shown, without_ticket};
pub use self::openapi::document;
use self::problem::Problem;
use self::routes::{Answer, IDEMPOTENCY_KEY};
pub use self::routes::{ROUTES, Route, Size};
#[cfg(test)]
pub(crate) use self::uppy::ROUTES as UPPY_ROUTES;
pub(crate) use self::uppy::SCOPE as UPPY_SCOPE;
use crate::around::{Around, caught, is_of_a_page};
use crate::cors::cors;
use crate::gate::{Front, RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::observe::REQUEST_ID;
use crate::{Answers, Api, Gate, Readiness};

/// What pages of other origins may do here, by which methods,
const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::DELETE];

/// with which headers,
const CALLER_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::AUTHORIZATION, IDEMPOTENCY_KEY, REQUEST_ID];

/// and which headers of the answer they see.
const ANSWER_HEADERS: [HeaderName; 4] = [header::RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY, REQUEST_ID];

/// What its messages are in, and how its calls are refused.
const FRONT: Front = Front { envelope: 0, refuse };

/// All routes of the port, the calls behind the gate, and these pages beside them; each also behind a ticket in its path.
pub fn answers(api: Api, gate: &Gate, origins: &AllowedOrigins, readiness: Readiness, pages: Router) -> Answers {
    let calls = routes::answers(&api);
    let others = server(readiness, openapi::Document::of(&api, gate))
        .nest("/uppy", uppy::router(gate))
        .merge(pages.with_state(()))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(api);
    around(calls, others, gate, origins)
}

/// All calls of the contract, as the handler answers them: behind the gate, inside of what is around all routes.
pub fn guarded<T, S, H>(handler: &H, state: &S, gate: &Gate, origins: &AllowedOrigins) -> Answers
where
    S: Clone + Send + Sync + 'static,
    H: Handler<T, S, Future = BoxFuture<'static, Response>>,
{
    let calls = ROUTES.iter().map(|_| routes::answer_by(handler.clone(), state));
    around(calls.collect(), Router::new(), gate, origins)
}

fn around(calls: Vec<Answer>, others: Router, gate: &Gate, origins: &AllowedOrigins) -> Answers {
    let gate = gate.clone();
    let dispatch = Arc::new(Dispatch { gate, calls, others });
    let answer = move |request| {
        let dispatch = Arc::clone(&dispatch);
        async move { dispatch.answer(request).await }
    };
    let plain = caught(answer, refuse);
    let around = Around {
        pages: cors(origins, &METHODS, &CALLER_HEADERS, &ANSWER_HEADERS).layer(plain.clone()),
        plain,
        is_plain: |request| !is_of_a_page(request),
    };
    around.answers(in_path::taken_out)
}

pub(crate) fn refuse(error: Error) -> Response {
    Problem::from(error).into_response()
}

async fn no_route(request: Request) -> Problem {
    Problem::no_route(&shown(request.uri().path()))
}

async fn wrong_method(request: Request) -> Problem {
    Problem::wrong_method(request.method())
}

/// Every route at which nobody is asked who they are, all by GET.
pub(crate) const SERVER_ROUTES: [&str; 4] = ["/health", "/health/live", "/health/ready", "/openapi.json"];

/// The routes of health alone.
pub fn health_router(readiness: Readiness) -> Router {
    let [alive, live, ready, _] = SERVER_ROUTES;
    Router::new()
        .route(alive, get(health::live))
        .route(live, get(health::live))
        .route(ready, get(health::ready).with_state(readiness))
}

fn server(readiness: Readiness, document: openapi::Document) -> Router<Api> {
    let [.., document_at] = SERVER_ROUTES;
    health_router(readiness)
        .with_state(())
        .route(document_at, get(openapi::answer).with_state(document))
}
