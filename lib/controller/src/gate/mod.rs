//! What every call of the contract passes first, on both ports: who is asking.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use draftstore_auth::{Authenticator, Presented};
use draftstore_service::{Error, Unauthenticated};
use http::header;

use crate::webapi::InPath;

/// How a front says that a call does not pass.
pub(crate) type Refuse = fn(Error) -> Response;

/// Lets calls pass whose caller is known, and tells their handlers: the request then has an `Arc<Caller>`. Clones share it.
#[derive(Debug, Clone)]
pub struct Gate {
    authenticator: Arc<Authenticator>,
}

impl Gate {
    /// One that recognises callers so.
    pub fn new(authenticator: Authenticator) -> Self {
        Self {
            authenticator: Arc::new(authenticator),
        }
    }

    /// Whether callers have to say who they are.
    pub(crate) fn asks_who(&self) -> bool {
        self.authenticator.asks_who()
    }

    /// The routes of the router so far, behind the gate.
    pub(crate) fn before<S>(&self, router: Router<S>, refuse: Refuse) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        router.route_layer(middleware::from_fn_with_state((self.clone(), refuse), pass))
    }

    fn admit(&self, request: &mut Request) -> Result<(), Error> {
        let presented = Presented {
            bearer: bearer(request)?,
            peer: request.extensions().get(),
        };
        let caller = self.authenticator.authenticate(presented, SystemTime::now())?;
        request.extensions_mut().insert(caller);
        Ok(())
    }
}

async fn pass(State((gate, refuse)): State<(Gate, Refuse)>, mut request: Request, next: Next) -> Response {
    match gate.admit(&mut request) {
        Ok(()) => next.run(request).await,
        Err(error) => refuse(error),
    }
}

/// The ticket of the path, or what is in the header: not both, for it would not be clear who is asking.
fn bearer(request: &Request) -> Result<Option<&str>, Error> {
    let Some(in_path) = request.extensions().get::<InPath>() else {
        return Ok(in_header(request));
    };
    let ticket = in_path.ticket();
    let ticket = ticket.filter(|_| !request.headers().contains_key(header::AUTHORIZATION));
    ticket.map(Some).ok_or(Error::Unauthenticated(Unauthenticated::Invalid))
}

/// What follows `Bearer`. Two headers, or one that is not text, are one that nobody's credentials are in: who is asking must
/// not depend on which of them is read.
///
/// Source: RFC 6750, section 2.1.
fn in_header(request: &Request) -> Option<&str> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let value = match (values.next()?, values.next()) {
        (value, None) => value.to_str().unwrap_or("Bearer "),
        (_, Some(_)) => "Bearer ",
    };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
