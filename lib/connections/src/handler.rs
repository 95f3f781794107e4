//! The handler of a port's requests.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use futures::future::BoxFuture;
use hyper::Response;

use super::arrival::Arrival;

/// A function that answers all requests of a port. Clones share it.
#[derive(Clone)]
pub struct Handler(Arc<dyn Fn(Arrival) -> BoxFuture<'static, Response<Body>> + Send + Sync>);

impl Handler {
    /// Creates a handler from a function.
    pub fn new(call: impl Fn(Arrival) -> BoxFuture<'static, Response<Body>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }

    /// Returns the response to a request.
    pub fn call(&self, arrival: Arrival) -> BoxFuture<'static, Response<Body>> {
        (self.0)(arrival)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}
