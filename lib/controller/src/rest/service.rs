//! The contract's calls over REST: decode, call, encode.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use draftstore_connections::PortRefusal;
use futures::future::BoxFuture;
use tower::ServiceExt as _;

use super::events::{LAST_EVENT_ID, events};
use super::hooks::{self, Hooks};
use super::message::{Reply, decode, decode_query};
use super::problem::refuse;
use super::uppy;
use crate::Api;
use crate::api::{Mapping, StreamMapping, omit_browser_headers};
use crate::calls::{Call, RpcRequest, Visitor};
use crate::errors::Failure;
use crate::gate::{Admitted, Gate, PublicRoute};
use crate::labels::{HOOK, UPPY_PREFIX};
use crate::middleware::Service;
use crate::path_ticket::PathTicket;
use crate::refusal::Refusal;

/// The header with the idempotency key. Source: draft-ietf-httpapi-idempotency-key-header.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The routes of the port.
///
/// Calls are looked up in their table. A router would search a tree, add extensions to the request, and clone and box itself
/// for each request, which is a tenth of the instructions of a response.
pub(super) struct RestService {
    pub(super) api: Api,
    pub(super) gate: Gate,
    /// The receiver of notifications of the store, if it is on.
    pub(super) hooks: Option<Hooks>,
    /// Uppy's routes, each behind the gate.
    pub(super) uppy: Router,
    /// The routes that need no credentials.
    pub(super) others: Router,
}

impl Service for RestService {
    async fn call(&self, request: Request) -> Response {
        let path = request.uri().path();
        let Some(call) = Call::at_path(path) else {
            if path.starts_with(UPPY_PREFIX) {
                let Ok(response) = self.uppy.clone().oneshot(request).await;
                return response;
            }
            if let (hooks::PATH, Some(hooks)) = (path, &self.hooks) {
                if request.method() != Method::POST {
                    let failure = Failure::WrongMethod(request.method().clone());
                    return ([(header::ALLOW, "POST")], failure).into_response();
                }
                let receive = |request| hooks.receive(&self.api, request);
                return self.gate.hook(request, hooks::BOUNDS, receive).await;
            }
            return match slash_is_missing(&request) {
                Some(location) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response(),
                None => {
                    self.gate
                        .public(request, refuse, &self.others, PublicRoute::Plain)
                        .await
                }
            };
        };
        let is_get_of_stream = call.is_stream() && request.method() == Method::GET;
        if request.method() != Method::POST && !is_get_of_stream {
            let failure = Failure::WrongMethod(request.method().clone());
            let allowed = if call.is_stream() { "GET, POST" } else { "POST" };
            return ([(header::ALLOW, allowed)], failure).into_response();
        }
        let json = |admitted, request| {
            call.rpc.visit(Json {
                api: &self.api,
                admitted,
                request,
            })
        };
        self.gate.call(request, call.bounds(), refuse, json).await
    }

    fn refused(&self, request: &Request, refusal: PortRefusal) -> Response {
        let path = request.uri().path();
        let (rpc, refuse): (_, fn(Refusal) -> Response) = if path.starts_with(UPPY_PREFIX) {
            (Some(uppy::RPC), uppy::refuse)
        } else if path == hooks::PATH {
            (Some(HOOK), refuse)
        } else {
            (Call::at_path(path).map(|call| call.rpc.as_str()), refuse)
        };
        self.gate.refused(request, rpc, refusal.into(), refuse)
    }
}

/// Returns the location of the page that the request is for, if its path is a ticket without a slash.
fn slash_is_missing(request: &Request) -> Option<String> {
    let ticket: Option<&PathTicket> = request.extensions().get();
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
    ticket.filter(|_| is_page)?.with_slash(request.uri().query())
}

/// Routes that all need no credentials.
pub(super) struct PublicService {
    pub(super) gate: Gate,
    pub(super) routes: Router,
}

impl Service for PublicService {
    async fn call(&self, request: Request) -> Response {
        self.gate
            .public(request, refuse, &self.routes, PublicRoute::Plain)
            .await
    }

    fn refused(&self, request: &Request, refusal: PortRefusal) -> Response {
        self.gate.refused(request, None, refusal.into(), refuse)
    }
}

/// A request with an encoded message.
struct Json<'s> {
    api: &'s Api,
    admitted: Admitted,
    request: http::Request<Bytes>,
}

impl<'s> Visitor for Json<'s> {
    type Output = BoxFuture<'s, Response>;

    fn visit<R: RpcRequest + Mapping>(self) -> Self::Output {
        Box::pin(async move { self.respond::<R>().await.into_response() })
    }

    fn visit_stream<R: RpcRequest + StreamMapping>(self) -> Self::Output {
        Box::pin(async move { self.stream::<R>().await.into_response() })
    }
}

impl Json<'_> {
    fn message<R: RpcRequest>(&self) -> Result<R, Failure> {
        let size = R::RPC.row().size;
        let message = match *self.request.method() {
            Method::GET => decode_query(R::NAME, self.request.uri().query(), size),
            _ => decode(R::NAME, self.request.headers(), self.request.body(), size),
        };
        message.inspect_err(|failure| self.admitted.refused(R::RPC, failure))
    }

    async fn respond<R: RpcRequest + Mapping>(self) -> Result<Reply<R::Response>, Failure> {
        let mut message: R = self.message()?;
        let headers = self.request.headers();
        let keyed = take_idempotency_key(&mut message, headers);
        keyed.inspect_err(|failure| self.admitted.refused(R::RPC, failure))?;
        let mut response = self.api.call(&self.admitted, message).await?;
        omit_browser_headers::<R>(headers, &mut response);
        Ok(Reply(response))
    }

    async fn stream<R: RpcRequest + StreamMapping>(self) -> Result<Response, Failure> {
        let mut message: R = self.message()?;
        // An empty ID is that of a page that has no event yet. Any other is newer than that in the query: EventSource connects
        // again with the query of before.
        if let Some(id) = self.request.headers().get(LAST_EVENT_ID).filter(|id| !id.is_empty()) {
            message.set_last_id(String::from_utf8_lossy(id.as_bytes()).into_owned());
        }
        let updates = self.api.stream(&self.admitted, message).await?;
        Ok(match updates {
            Some(updates) => events::<R>(updates),
            // EventSource then stops: it would otherwise connect again after each end.
            None => StatusCode::NO_CONTENT.into_response(),
        })
    }
}

/// Sets the idempotency key of the message from the header.
///
/// # Errors
/// [`Failure`] if the message, or another such header, has another key: one of them would be ignored.
fn take_idempotency_key(message: &mut impl Mapping, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(field) = message.idempotency_key() else {
        return Ok(());
    };
    for key in headers.get_all(IDEMPOTENCY_KEY) {
        let key = String::from_utf8_lossy(key.as_bytes());
        if *field.get_or_insert_with(|| key.to_string()) != key {
            let rule = "must be the same in the header Idempotency-Key and in the body, if both have it";
            return Err(Failure::invalid("idempotency_key", rule));
        }
    }
    Ok(())
}
