//! The handler of a port's requests.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use futures::future::BoxFuture;
use hyper::{Request, Response};
use tower::ServiceExt as _;

/// A function that answers all requests of a port. Clones share it.
#[derive(Clone)]
pub struct Handler(Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync>);

impl Handler {
    /// Creates a handler from a function.
    pub fn new(call: impl Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }

    /// Returns the response to a request.
    pub fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        (self.0)(request)
    }
}

impl From<Router> for Handler {
    fn from(router: Router) -> Self {
        Self::new(move |request| {
            let response = router.clone().oneshot(request);
            Box::pin(async move {
                let Ok(response) = response.await;
                response
            })
        })
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}
