//! The REST front: the contract's messages as JSON with `snake_case` names.

mod base_url;
pub(crate) mod events;
mod health;
mod hooks;
mod json;
mod message;
mod openapi;
pub(crate) mod problem;
mod service;
pub(crate) mod uppy;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, Method, header};
use axum::response::Response;
use axum::routing::get;
use draftstore_connections::Arrival;
use futures::future::BoxFuture;
use tower::Layer as _;

pub use self::base_url::BaseUrl;
pub(crate) use self::hooks::PATH as HOOK_PATH;
pub use self::hooks::{HookSettings, Hooks};
pub use self::openapi::document;
pub(crate) use self::problem::error_response;
use self::service::{IDEMPOTENCY_KEY, PublicService, RestService};
#[cfg(test)]
pub(crate) use self::uppy::routes as uppy_routes;
use crate::audit::REQUEST_ID;
use crate::errors::Failure;
use crate::gate::{Gate, RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::middleware::{self, Cors, Service, cors, is_of_a_page};
use crate::path_ticket::{redacted_path, strip_ticket};
use crate::{Api, Readiness};

// The methods, request headers and response headers that CORS allows.
const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::DELETE];
const REQUEST_HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    IDEMPOTENCY_KEY,
    events::LAST_EVENT_ID,
    REQUEST_ID,
];
const RESPONSE_HEADERS: [HeaderName; 4] = [header::RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY, REQUEST_ID];

/// The pages of the port, and the URL under which clients reach them.
#[derive(Debug)]
pub struct Site {
    /// The routes of the pages.
    pages: Router,
    /// The base URL of the documentation.
    base_url: BaseUrl,
    /// The receiver of notifications of the store, if it is on.
    hooks: Option<Hooks>,
}

impl Site {
    /// Creates a site that takes no notifications of the store.
    pub fn new(pages: Router, base_url: BaseUrl) -> Self {
        Self {
            pages,
            base_url,
            hooks: None,
        }
    }

    /// Takes notifications of the store, if the settings accept some.
    #[must_use]
    pub fn with_hooks(self, settings: HookSettings) -> Self {
        Self {
            hooks: Hooks::new(settings),
            ..self
        }
    }
}

/// Returns the service of the port: the calls behind the gate, Uppy's routes, health, the `OpenAPI` document, and the routes of
/// the site.
pub fn service(api: Api, gate: Gate, readiness: Readiness, site: Site) -> impl Service {
    let document = openapi::Document::new(&api, site.base_url);
    let [.., document_path] = PUBLIC_ROUTES;
    let others = health_router(readiness)
        .route(document_path, get(openapi::get).with_state(document))
        .merge(site.pages)
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method);
    let uppy = Router::new().nest("/uppy", uppy::router(api.clone(), &gate));
    RestService {
        api,
        gate,
        hooks: site.hooks,
        uppy,
        others,
    }
}

/// Returns the service of a port whose routes all need no credentials.
pub fn public_service(gate: Gate, routes: Router) -> impl Service {
    PublicService { gate, routes }
}

/// Returns the handler of the port: the service wrapped in the middleware. Any path may be prefixed with a ticket.
pub fn handler(
    service: impl Service,
    allowed: &Cors,
) -> impl Fn(Arrival) -> BoxFuture<'static, Response> + Send + Sync + 'static {
    let cors = cors(allowed, &METHODS, &REQUEST_HEADERS, &RESPONSE_HEADERS);
    let handler = middleware::handler(
        service,
        error_response,
        move |service| cors.layer(service),
        is_of_a_page,
    );
    move |arrival| handler(arrival.map(strip_ticket))
}

/// The routes that need no credentials. All are GET.
pub(crate) const PUBLIC_ROUTES: [&str; 4] = ["/health", "/health/live", "/health/ready", "/openapi.json"];

/// Returns a router with the health routes only.
pub fn health_router(readiness: Readiness) -> Router {
    let [alive, live, ready, _] = PUBLIC_ROUTES;
    Router::new()
        .route(alive, get(health::live))
        .route(live, get(health::live))
        .route(ready, get(health::ready).with_state(readiness))
}

async fn no_route(request: Request) -> Failure {
    Failure::NoRoute(redacted_path(request.uri().path()).into_owned())
}

async fn wrong_method(request: Request) -> Failure {
    Failure::WrongMethod(request.method().clone())
}
