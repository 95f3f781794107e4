//! The middleware of both ports: request IDs, a span, security headers, CORS, and an error response for a panic.
//!
//! A router boxes each of its layers and clones all of them for every request. So this is one function around a port's
//! service, and requests that no browser sends skip the layers for browsers.

mod cors;
mod panics;
mod request_id;
mod security_headers;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use draftstore_connections::{Arrival, PortRefusal};
use futures::future::BoxFuture;
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt as _, service_fn};

pub use self::cors::{Cors, CorsSettings, InvalidRequestHeaders, RequestHeaders};
pub(crate) use self::cors::{cors, log_refused};
use self::panics::catch_panic;
use crate::errors::Failure;

/// A service for the requests of a port. Unlike tower's, it takes `&self`, so that requests do not clone it.
pub trait Service: Send + Sync + 'static {
    /// Returns the response to a request.
    fn call(&self, request: Request) -> impl Future<Output = Response> + Send;

    /// Returns the response to a request that the port refused.
    fn refused(&self, request: &Request, refusal: PortRefusal) -> Response;
}

/// Returns a port's handler: its service wrapped in the middleware. Requests for which `is_web` returns true also go through
/// `web`, the layers for browsers.
pub(crate) fn handler<W>(
    service: impl Service,
    error_response: fn(&Failure) -> Response,
    web: impl FnOnce(BoxCloneSyncService<Request, Response, Infallible>) -> W,
    is_web: fn(&Request) -> bool,
) -> impl Fn(Arrival) -> BoxFuture<'static, Response> + Send + Sync + 'static
where
    W: tower::Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    W::Response: IntoResponse,
    W::Future: Send,
{
    let service = Arc::new(service);
    let shared = Arc::clone(&service);
    let web = web(BoxCloneSyncService::new(service_fn(move |request| {
        let service = Arc::clone(&shared);
        async move { Ok(respond(&*service, request, error_response).await) }
    })));
    let services = Arc::new((service, web));
    move |arrival| {
        let request = match arrival {
            Arrival::Admitted(request) => request,
            Arrival::Refused(mut request, refusal) => {
                request.extensions_mut().insert(refusal);
                request
            }
        };
        let services = Arc::clone(&services);
        let respond = move |request: Request| async move {
            let (service, web) = &*services;
            let is_refused_preflight =
                request.method() == Method::OPTIONS && request.extensions().get::<PortRefusal>().is_some();
            let response = if is_web(&request) && !is_refused_preflight {
                // Boxed, so that the future of other requests stays small.
                let Ok(response) = Box::pin(web.clone().oneshot(request)).await;
                response.into_response()
            } else {
                self::respond(&**service, request, error_response).await
            };
            security_headers::add(response)
        };
        Box::pin(request_id::traced(request, respond))
    }
}

async fn respond(service: &impl Service, mut request: Request, error_response: fn(&Failure) -> Response) -> Response {
    match request.extensions_mut().remove() {
        Some(refusal) => service.refused(&request, refusal),
        // Pinned here, so that the future is not moved from layer to layer: it has some kilobytes.
        None => catch_panic(pin!(service.call(request)), error_response).await,
    }
}

/// Returns whether a browser may have sent the request for a page: it has an `Origin`, or is a preflight.
///
/// Source: <https://fetch.spec.whatwg.org/#origin-header>
pub(crate) fn is_of_a_page(request: &Request) -> bool {
    request.method() == Method::OPTIONS || request.headers().contains_key(header::ORIGIN)
}
