//! What both ports have around all their routes, in one piece.
//!
//! A router boxes each of its layers, and for every request clones all the boxes with all that is in them. So this is one
//! thing around the whole router, and what only web pages need is not in the way of other callers.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::{Method, header};
use tower::{Service, ServiceExt as _, service_fn};

use crate::Answers;
use crate::gate::Refuse;
use crate::headers::guard;
use crate::observe::observed;
use crate::panics::or_refused;

/// The two ways to the routes of a port.
pub(crate) struct Around<Plain, Pages> {
    /// For requests that no page has sent.
    pub(crate) plain: Plain,
    /// For all others, by what browsers ask for.
    pub(crate) pages: Pages,
    /// Whether a request may go the plain way.
    pub(crate) is_plain: fn(&Request) -> bool,
}

impl<Plain, Pages> Around<Plain, Pages>
where
    Plain: Inner,
    Pages: Inner,
    Plain::Response: IntoResponse,
    Pages::Response: IntoResponse,
    Plain::Future: Send,
    Pages::Future: Send,
{
    /// Their answers, observed and guarded. `prepare` sees a request before anything else does.
    pub(crate) fn answers(self, prepare: fn(Request) -> Request) -> Answers {
        let around = Arc::new(self);
        Answers::by(move |request| {
            let around = Arc::clone(&around);
            let answer = |request| async move { guard(around.answer(request).await) };
            observed(prepare(request), answer)
        })
    }

    async fn answer(&self, request: Request) -> Response {
        if (self.is_plain)(&request) {
            let Ok(answer) = self.plain.clone().oneshot(request).await;
            answer.into_response()
        } else {
            // Boxed: every request would have room for it.
            let Ok(answer) = Box::pin(self.pages.clone().oneshot(request)).await;
            answer.into_response()
        }
    }
}

/// What answers, without anything around it but that a panic is answered too.
pub(crate) fn caught<A, F>(
    answer: A,
    refuse: Refuse,
) -> impl Inner<Response = Response, Future = impl Future<Output = Result<Response, Infallible>> + Send>
where
    A: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send,
{
    service_fn(move |request| or_refused(answer(request), refuse).map(Ok))
}

/// The answer of a router, or of one of its routes.
pub(crate) async fn answer_of<S>(service: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let Ok(answer) = service.oneshot(request).await;
    answer
}

/// Whether a browser may have sent it for a page: then it says whose, or asks before.
///
/// Source: <https://fetch.spec.whatwg.org/#origin-header>
pub(crate) fn is_of_a_page(request: &Request) -> bool {
    request.method() == Method::OPTIONS || request.headers().contains_key(header::ORIGIN)
}

/// A service that never fails, and that many requests may use at once.
pub(crate) trait Inner: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static {}

impl<S: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static> Inner for S {}
