//! What every call of the contract passes first, on both ports: who is asking, and may it be now.
//!
//! In this order, so that nobody costs more than has to be: the address's budget, the credentials, the caller's budget, the
//! whole of the request, a place among those that are answered.

mod address;
mod body;
mod bounds;
mod buckets;
mod rate;
mod settings;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::Route;
use draftstore_auth::{Authenticator, Presented};
use draftstore_service::{Caller, Error, Unauthenticated};
use http::header;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::Code;
use tower::layer::layer_fn;
use tower::service_fn;

use self::body::whole;
use self::rate::Rates;
use crate::around::answer_of;
use crate::measured::{Limit, code_of};
use crate::webapi::InPath;
use crate::{PeerAddress, audit};

pub use self::bounds::Bounds;
pub(crate) use self::bounds::{BoundsOf, Front};
pub use self::buckets::Quota;
pub use self::rate::{ConfirmBudget, RateLimits};
pub(crate) use self::rate::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// How a front says that a call does not pass.
pub(crate) type Refuse = fn(Error) -> Response;

/// What calls are held to.
#[derive(Debug, Clone)]
pub struct GateLimits {
    /// See there.
    pub rates: RateLimits,
    /// Calls that are answered at once; more are told to come back.
    pub max_concurrent: usize,
    /// For the whole of a request, from its head on.
    pub body_timeout: Duration,
    /// For an answer, but for the calls whose time the store bounds ([`Bounds::is_long`]).
    pub call_timeout: Duration,
}

impl Default for GateLimits {
    /// No rates; a body has 30 seconds, an answer 60.
    fn default() -> Self {
        Self {
            rates: RateLimits::default(),
            max_concurrent: DEFAULT_MAX_CONCURRENT,
            body_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(60),
        }
    }
}

/// Most calls take milliseconds; each may hold 1 MiB.
const DEFAULT_MAX_CONCURRENT: usize = 1024;

/// Lets calls pass whose caller is known, and tells their handlers: the request then has an `Arc<Caller>`. Clones share it.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    authenticator: Authenticator,
    rates: Rates,
    places: Semaphore,
    body_timeout: Duration,
    call_timeout: Duration,
}

impl Gate {
    /// One that recognises callers so.
    pub fn new(authenticator: Authenticator) -> Self {
        Self::with_limits(authenticator, GateLimits::default())
    }

    /// The same, with these limits.
    pub fn with_limits(authenticator: Authenticator, limits: GateLimits) -> Self {
        Self(Arc::new(Inner {
            authenticator,
            rates: Rates::new(limits.rates),
            places: Semaphore::new(limits.max_concurrent.min(Semaphore::MAX_PERMITS)),
            body_timeout: limits.body_timeout,
            call_timeout: limits.call_timeout,
        }))
    }

    /// What its callers' confirms are counted by: the calls themselves do it, for the gate does not know how many there are
    /// in one.
    pub fn confirm_budget(&self) -> ConfirmBudget {
        self.0.rates.confirms.clone()
    }

    /// Whether callers have to say who they are.
    pub(crate) fn asks_who(&self) -> bool {
        self.0.authenticator.asks_who()
    }

    /// The routes of the router so far, behind the gate.
    pub(crate) fn before<S>(&self, router: Router<S>, front: Front, bounds_of: BoundsOf) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let gate = self.clone();
        router.route_layer(layer_fn(move |route: Route| {
            let gate = gate.clone();
            service_fn(move |request| {
                let (gate, route) = (gate.clone(), route.clone());
                let bounds = bounds_of(&request).unwrap_or_else(Bounds::tightest);
                async move {
                    let answer = |request| answer_of(route, request);
                    Ok::<_, Infallible>(gate.pass(front, bounds, request, answer).await)
                }
            })
        }))
    }

    async fn admit(
        &self,
        mut request: Request,
        front: &Front,
        bounds: Bounds,
        asked: &mut Asked,
    ) -> Result<Request, Error> {
        let rates = &self.0.rates;
        asked.limit = Some(Limit::AddressRate);
        rates.of_address(asked.address, Instant::now())?;
        asked.limit = None;
        let recognised = self.recognise(&request);
        let caller = recognised.inspect_err(|_| rates.failed(asked.address, Instant::now()))?;
        asked.caller = Some(Arc::clone(&caller));
        asked.limit = Some(Limit::CallerRate);
        rates.of_caller(&caller, Instant::now())?;
        asked.limit = None;
        request.extensions_mut().insert(caller);
        whole(request, front.room(bounds), self.0.body_timeout).await
    }

    fn recognise(&self, request: &Request) -> Result<Arc<Caller>, Error> {
        let presented = Presented {
            bearer: bearer(request)?,
            peer: request.extensions().get(),
        };
        self.0.authenticator.authenticate(presented, SystemTime::now())
    }

    async fn answered(&self, answer: impl Future<Output = Response>, bounds: Bounds) -> Result<Response, Error> {
        let _place = self.0.places.try_acquire().map_err(|_| Error::Overloaded)?;
        if bounds.is_long {
            return Ok(answer.await);
        }
        let in_time = timeout(self.0.call_timeout, answer).await;
        in_time.map_err(|_| Error::StoreUnavailable("a call has taken longer than CALL_TIMEOUT".into()))
    }

    /// The answer to a request that passes, or why it does not.
    pub(crate) async fn pass<F: Future<Output = Response>>(
        &self,
        front: Front,
        bounds: Bounds,
        request: Request,
        answer: impl FnOnce(Request) -> F,
    ) -> Response {
        let peer = request.extensions().get::<PeerAddress>();
        let mut asked = Asked {
            address: peer.map(|peer| self.0.rates.budget(peer.0.ip(), request.headers())),
            caller: None,
            limit: None,
        };
        let audited = audit::is_on().then(|| audit::Asked::of(&request));
        let answered = match (self.admit(request, &front, bounds, &mut asked).await, &audited) {
            (Ok(request), None) => self.answered(answer(request), bounds).await,
            // Boxed: every request would have room for it.
            (Ok(request), Some(audited)) => {
                Box::pin(audited.clone().during(self.answered(answer(request), bounds))).await
            }
            (Err(error), _) => Err(error),
        };
        if let (Err(error), Some(audited)) = (&answered, &audited) {
            audit::refused(audited, asked.caller.as_deref(), error);
        }
        let mut response = match answered {
            Ok(response) => response,
            Err(error) => {
                let limit = asked.limit.or_else(|| limit(&error));
                let mut response = (front.refuse)(error);
                if let Some(limit) = limit {
                    response.extensions_mut().insert(limit);
                }
                response
            }
        };
        if bounds.is_confirm
            && response.extensions().get::<Limit>().is_none()
            && code_of(&response) == Code::ResourceExhausted
        {
            // The calls count confirms themselves.
            response.extensions_mut().insert(Limit::ConfirmRate);
        }
        self.0.rates.tell(
            response.headers_mut(),
            asked.address,
            asked.caller.as_deref(),
            bounds.is_confirm,
            Instant::now(),
        );
        response
    }
}

/// Who asks, as far as that is known.
#[derive(Debug)]
struct Asked {
    address: Option<IpAddr>,
    caller: Option<Arc<Caller>>,
    /// What it is held to at the moment.
    limit: Option<Limit>,
}

/// What the gate itself holds requests to, beside the rates.
fn limit(error: &Error) -> Option<Limit> {
    match error {
        Error::TooSlow => Some(Limit::BodyTimeout),
        Error::TooLarge { .. } => Some(Limit::BodySize),
        Error::Overloaded => Some(Limit::Concurrency),
        Error::StoreUnavailable(_) => Some(Limit::CallTimeout),
        Error::Invalid(_)
        | Error::Unauthenticated(_)
        | Error::NotAllowed(_)
        | Error::NoTickets
        | Error::NoMoreUploads { .. }
        | Error::TooManyRequests { .. }
        | Error::NotFound(_)
        | Error::RolledBack
        | Error::AlreadyExists
        | Error::PinMismatch { .. }
        | Error::PartMismatch { .. }
        | Error::Incomplete(_)
        | Error::StoreCredentials(_)
        | Error::Internal(_) => None,
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

#[cfg(test)]
mod tests;
