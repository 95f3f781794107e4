//! What answers a port.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use futures::future::BoxFuture;

use crate::around::answer_of;

/// What answers all requests of a port. Clones share it, and a request is not handed from router to router, each of which
/// would be cloned and boxed for it.
#[derive(Clone)]
pub struct Answers(Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>);

impl Answers {
    pub(crate) fn by<F>(answer: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }

    /// The answer to a request.
    pub fn to(&self, request: Request) -> BoxFuture<'static, Response> {
        (self.0)(request)
    }
}

impl From<Router> for Answers {
    /// Those of its routes, with nothing around them.
    fn from(router: Router) -> Self {
        Self::by(move |request| answer_of(router.clone(), request))
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}
