//! The gate before every call, on both ports: authentication, rate limits, body size, timeouts and
//! concurrency.
//!
//! The order of the checks makes a refused request cheap: the address's rate limit, the credentials, the caller's rate limit,
//! the body, the number of concurrent requests. Knows neither front.

mod address;
mod body;
mod credentials;
mod rate_limiter;
mod rates;
mod settings;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use draftstore_auth::{Authenticator, Presented};
use draftstore_service::Caller;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::rates::Rates;
use crate::audit::RequestContext;
use crate::refusal::Refusal;

pub use self::rate_limiter::Quota;
pub use self::rates::RateLimits;
pub(crate) use self::rates::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// The default number of concurrent requests. Most take milliseconds; each may hold 1 MiB.
const DEFAULT_MAX_CONCURRENT: usize = 1024;

/// The limits of a gate.
#[derive(Debug, Clone)]
pub struct GateConfig {
    /// The rate limits of callers, addresses and confirms.
    pub rates: RateLimits,
    /// The maximum number of concurrent requests.
    pub max_concurrent: usize,
    /// The timeout for reading the whole body, from the end of the headers.
    pub body_timeout: Duration,
    /// The timeout for a response, except for calls whose time the store bounds ([`Bounds::is_long`]).
    pub call_timeout: Duration,
    /// Writes every decision to the audit log.
    pub audit: bool,
}

impl Default for GateConfig {
    /// No rate limits, no audit; 30 seconds for a body, 60 for a response.
    fn default() -> Self {
        Self {
            rates: RateLimits::default(),
            max_concurrent: DEFAULT_MAX_CONCURRENT,
            body_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(60),
            audit: false,
        }
    }
}

/// The bounds of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The name of the call in the audit.
    pub rpc: &'static str,
    /// The maximum size of the message, in bytes.
    pub max_bytes: u64,
    /// The size of the front's envelope around the message, in bytes.
    pub envelope: u64,
    /// Disables the timeout for the response, for calls that move whole objects and have their own limits.
    pub is_long: bool,
    /// Shows the rate limit of confirms in the response.
    pub is_confirm: bool,
}

/// An admitted request's caller. Every handler takes it, so that none can be called without the gate.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The caller, as authenticated.
    pub caller: Arc<Caller>,
    /// The context of the request, if the audit is on.
    pub(crate) audit: Option<Arc<RequestContext>>,
}

/// Admits requests of known callers within their limits. Clones share it.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    authenticator: Authenticator,
    rates: Rates,
    permits: Semaphore,
    body_timeout: Duration,
    call_timeout: Duration,
    audit: bool,
}

impl Gate {
    /// Creates a gate that authenticates callers with this authenticator.
    pub fn new(authenticator: Authenticator, config: GateConfig) -> Self {
        Self(Arc::new(Inner {
            authenticator,
            rates: Rates::new(config.rates),
            permits: Semaphore::new(config.max_concurrent.min(Semaphore::MAX_PERMITS)),
            body_timeout: config.body_timeout,
            call_timeout: config.call_timeout,
            audit: config.audit,
        }))
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.0.authenticator
    }

    /// Counts confirms of a caller. The call does this itself, because the gate does not know how many a batch has.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`].
    pub(crate) fn take_confirms(&self, caller: &Caller, confirms: usize) -> Result<(), Refusal> {
        self.0.rates.confirms(caller, confirms, Instant::now())
    }

    /// Returns the handler's response to an admitted request, or the refusal as `refuse` renders it. Both have the headers of
    /// the caller's rate limits.
    pub async fn call<F: Future<Output = Response>>(
        &self,
        request: Request,
        bounds: Bounds,
        refuse: fn(Refusal) -> Response,
        handler: impl FnOnce(Admitted, http::Request<Bytes>) -> F,
    ) -> Response {
        let peer: Option<&ConnectInfo<SocketAddr>> = request.extensions().get();
        let address = peer.map(|peer| self.0.rates.client(peer.0.ip(), request.headers()));
        let audit = self.0.audit.then(|| Arc::new(RequestContext::new(&request)));
        let mut caller = None;
        let result = match self.admit(request, bounds, address, &mut caller).await {
            Ok((caller, request)) => {
                let audit = audit.clone();
                self.in_time(handler(Admitted { caller, audit }, request), bounds).await
            }
            Err(refusal) => Err(refusal),
        };
        let mut response = result.unwrap_or_else(|refusal| {
            if let Some(audit) = &audit {
                audit.refused(bounds.rpc, caller.as_deref(), &refusal.into());
            }
            refuse(refusal)
        });
        let (headers, is_confirm) = (response.headers_mut(), bounds.is_confirm);
        self.0
            .rates
            .write_headers(headers, address, caller.as_deref(), is_confirm, Instant::now());
        response
    }

    /// Returns the caller and the whole request, and stores the caller as soon as it is known.
    async fn admit(
        &self,
        request: Request,
        bounds: Bounds,
        address: Option<IpAddr>,
        known: &mut Option<Arc<Caller>>,
    ) -> Result<(Arc<Caller>, http::Request<Bytes>), Refusal> {
        let rates = &self.0.rates;
        rates.address(address, Instant::now())?;
        let caller = self.authenticate(&request);
        let caller = caller.inspect_err(|_| rates.failed(address, Instant::now()))?;
        *known = Some(Arc::clone(&caller));
        rates.caller(&caller, Instant::now())?;
        let request = body::whole(request, bounds, self.0.body_timeout).await?;
        Ok((caller, request))
    }

    fn authenticate(&self, request: &Request) -> Result<Arc<Caller>, Refusal> {
        let presented = Presented {
            bearer: credentials::bearer(request)?,
            peer: request.extensions().get(),
        };
        Ok(self.0.authenticator.authenticate(presented, SystemTime::now())?)
    }

    async fn in_time(&self, response: impl Future<Output = Response>, bounds: Bounds) -> Result<Response, Refusal> {
        let _permit = self.0.permits.try_acquire().map_err(|_| Refusal::Overloaded)?;
        if bounds.is_long {
            return Ok(response.await);
        }
        let in_time = timeout(self.0.call_timeout, response).await;
        in_time.map_err(|_| Refusal::CallTimeout)
    }
}

#[cfg(test)]
mod tests;
