//! The gate before every call, on both ports: authentication, rate limits, body size, timeouts and
//! concurrency.
//!
//! The port has counted the request by its address. The order of the checks makes a refused request cheap: the credentials, the
//! caller's rate limit, the scopes, the body, the number of concurrent requests. Knows neither front.

mod body;
mod credentials;
mod rates;
mod settings;
mod stream;
mod streams;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use draftstore_auth::{Authenticator, Presented};
use draftstore_connections::{Client, InFlight, OpenStream, RequestMemory};
use draftstore_service::{Caller, Scope};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use self::rates::Rates;
use self::streams::{CallerStreams, Credentials, StreamBounds};
use crate::api::Updates;
use crate::audit::RequestContext;
use crate::calls::Rpc;
use crate::errors::Failure;
use crate::middleware::log_refused;
use crate::refusal::Refusal;

pub use self::rates::RateLimits;
pub(crate) use self::rates::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// The default number of concurrent requests. Most take milliseconds; each may hold 1 MiB.
const DEFAULT_MAX_CONCURRENT: usize = 1024;

/// The default number of streams of each caller. Each ticket is a caller. Without authentication, all clients are one.
const DEFAULT_MAX_STREAMS: usize = 1024;

/// The number of requests that invalid credentials cost their address, in addition to the request itself.
const FAILURE_COST: u32 = 20;

/// The maximum duration of a stream that reports changes. Its client then begins another.
const MAX_WATCH: Duration = Duration::from_secs(60 * 60);

/// The limits of a gate.
#[derive(Debug, Clone)]
pub struct GateConfig {
    /// The rate limits of callers and confirms.
    pub rates: RateLimits,
    /// The maximum number of concurrent requests.
    pub max_concurrent: usize,
    /// The timeout for reading the whole body, from the end of the headers.
    pub body_timeout: Duration,
    /// The timeout for a response, except for calls whose time the store bounds ([`Bounds::is_long`]).
    pub call_timeout: Duration,
    /// The maximum duration of a call's stream.
    pub watch_timeout: Duration,
    /// The maximum number of streams of each caller.
    pub max_streams: usize,
    /// Writes every decision to the audit log.
    pub audit: bool,
    /// The flag that is set while the audit cannot be written, if calls are then refused.
    pub audit_failing: Option<Arc<AtomicBool>>,
    /// Cancelled when the server stops, which ends all streams.
    pub stopped: CancellationToken,
}

impl Default for GateConfig {
    /// No rate limits, no audit; 30 seconds for a body, 60 for a response.
    fn default() -> Self {
        Self {
            rates: RateLimits::default(),
            max_concurrent: DEFAULT_MAX_CONCURRENT,
            body_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(60),
            watch_timeout: Duration::from_secs(300),
            max_streams: DEFAULT_MAX_STREAMS,
            audit: false,
            audit_failing: None,
            stopped: CancellationToken::new(),
        }
    }
}

/// A kind of route that needs no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PublicRoute {
    /// A request with one response.
    Plain,
    /// Messages of gRPC, each of which counts like a request, with responses.
    Messages,
    /// A message of gRPC, with a stream that reports changes.
    Watch,
}

/// The bounds of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The name of the call in the audit.
    pub rpc: &'static str,
    /// The scopes of the call: the caller needs all scopes of one of these sets. Empty if any caller may.
    pub scopes: &'static [&'static [Scope]],
    /// The maximum size of the message, in bytes.
    pub max_bytes: u64,
    /// The size of the front's envelope around the message, in bytes.
    pub envelope: u64,
    /// Disables the timeout for the response, for calls that move whole objects and have their own limits.
    pub is_long: bool,
    /// Shows the rate limit of confirms in the response.
    pub is_confirm: bool,
    /// Counts the response as a stream of its caller and its address.
    pub is_stream: bool,
}

/// An admitted request's caller. Every handler takes it, so that none can be called without the gate.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The caller, as authenticated.
    pub caller: Arc<Caller>,
    /// The context of the request, if the audit is on.
    pub(crate) audit: Option<Arc<RequestContext>>,
    /// The place of the request, which whatever works for it keeps.
    pub(crate) place: Arc<Place>,
    /// The bounds of the stream, if the call has one.
    stream: Option<Arc<StreamBounds>>,
}

impl Admitted {
    /// Returns the updates within the bounds of the stream.
    pub(crate) fn bound<T: Send + 'static>(&self, updates: Updates<T>) -> Updates<T> {
        match &self.stream {
            Some(bounds) => bounds.bound(updates),
            None => updates,
        }
    }

    /// Writes that the call was refused before its message was decoded.
    pub(crate) fn refused(&self, rpc: Rpc, failure: &Failure) {
        if let Some(audit) = &self.audit {
            audit.refused(rpc.as_str(), Some(&self.caller), failure);
        }
    }
}

/// A place among the concurrent requests. Work that goes on when the caller has disconnected still has it.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _in_flight: InFlight,
}

/// Admits requests of known callers within their limits. Clones share it.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    authenticator: Authenticator,
    rates: Rates,
    permits: Arc<Semaphore>,
    body_timeout: Duration,
    call_timeout: Duration,
    audit: bool,
    audit_failing: Option<Arc<AtomicBool>>,
    watch_timeout: Duration,
    streams: CallerStreams,
    stopped: CancellationToken,
}

impl Gate {
    /// Creates a gate that authenticates callers with this authenticator.
    pub fn new(authenticator: Authenticator, config: GateConfig) -> Self {
        Self(Arc::new(Inner {
            authenticator,
            rates: Rates::new(config.rates),
            permits: Arc::new(Semaphore::new(config.max_concurrent.min(Semaphore::MAX_PERMITS))),
            body_timeout: config.body_timeout,
            call_timeout: config.call_timeout,
            watch_timeout: config.watch_timeout,
            streams: CallerStreams::new(config.max_streams),
            audit: config.audit,
            audit_failing: config.audit_failing,
            stopped: config.stopped,
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
        let client: Option<Client> = request.extensions().get().cloned();
        let in_flight: InFlight = request.extensions().get().cloned().unwrap_or_default();
        let audit = self.0.audit.then(|| Arc::new(RequestContext::new(&request)));
        let credentials = bounds.is_stream.then(|| Credentials::of(&request));
        let mut caller = None;
        let result = async {
            let (caller, request) = self.admit(request, bounds, client.as_ref(), &mut caller).await?;
            let stream = credentials.map(|credentials| self.open_stream(&caller, credentials, client.as_ref()));
            let stream = stream.transpose()?.map(Arc::new);
            let place = self.place(in_flight)?;
            let admitted = Admitted {
                caller,
                audit: audit.clone(),
                place: Arc::clone(&place),
                stream,
            };
            let response = self.in_time(handler(admitted, request), bounds).await;
            drop(place);
            response
        };
        // An answer whose line was not written is not given.
        let result = result.await.and_then(|response| self.audited().map(|()| response));
        let mut response = result.unwrap_or_else(|refusal| {
            if let Some(audit) = &audit {
                audit.refused(bounds.rpc, caller.as_deref(), &refusal.into());
            }
            refuse(refusal)
        });
        let (headers, is_confirm) = (response.headers_mut(), bounds.is_confirm);
        let now = Instant::now();
        self.0
            .rates
            .write_headers(headers, client.as_ref(), caller.as_deref(), is_confirm, now);
        response
    }

    /// Returns the handler's response to a notification of the store, whose credentials the handler checks when the body is whole.
    /// The notification takes a place among the requests, and has the limits of their size and time.
    pub(crate) async fn hook<F: Future<Output = Result<Response, Failure>>>(
        &self,
        request: Request,
        bounds: Bounds,
        handler: impl FnOnce(http::Request<Bytes>) -> F,
    ) -> Response {
        let client: Option<Client> = request.extensions().get().cloned();
        let in_flight: InFlight = request.extensions().get().cloned().unwrap_or_default();
        let audit = self.0.audit.then(|| RequestContext::new(&request));
        let result = async {
            self.audited()?;
            let request = body::whole(request, bounds, self.0.body_timeout).await?;
            let _place = self.place(in_flight)?;
            let in_time = timeout(self.0.call_timeout, handler(request)).await;
            in_time.map_err(|_| Refusal::CallTimeout)?
        };
        let result: Result<Response, Failure> = result.await;
        if let (Err(Failure::Refused(Refusal::Unauthenticated(_))), Some(client)) = (&result, &client) {
            client.penalize(FAILURE_COST, Instant::now());
        }
        if let Some(audit) = audit {
            audit.notified(bounds.rpc, result.as_ref().map(|_| ()));
        }
        let mut response = result.unwrap_or_else(IntoResponse::into_response);
        let headers = response.headers_mut();
        self.0
            .rates
            .write_headers(headers, client.as_ref(), None, false, Instant::now());
        response
    }

    /// Returns the response to a request that the port refused, as `refuse` renders it. A refused call is audited.
    pub(crate) fn refused(
        &self,
        request: &Request,
        rpc: Option<&'static str>,
        refusal: Refusal,
        refuse: fn(Refusal) -> Response,
    ) -> Response {
        if let (Refusal::UnknownOrigin, Some(origin)) = (&refusal, request.headers().get(header::ORIGIN)) {
            log_refused(origin);
        }
        if let Some(rpc) = rpc.filter(|_| self.0.audit) {
            RequestContext::new(request).refused(rpc, None, &refusal.into());
        }
        let mut response = refuse(refusal);
        let (headers, client) = (response.headers_mut(), request.extensions().get());
        self.0.rates.write_headers(headers, client, None, false, Instant::now());
        response
    }

    /// Returns the response of a route that needs no credentials. The request's body, the rate of its messages and the time
    /// for the response are limited: these routes have small messages, and streams that would not end.
    pub(crate) async fn public(
        &self,
        request: Request,
        refuse: fn(Refusal) -> Response,
        routes: &Router,
        route: PublicRoute,
    ) -> Response {
        let client: Option<Client> = request.extensions().get().cloned();
        let watch = match client.as_ref().filter(|_| route == PublicRoute::Watch) {
            Some(client) => client.open_stream().map(Some),
            None => Ok(None),
        };
        let watch: Option<OpenStream> = match watch {
            Ok(watch) => watch,
            Err(refusal) => return self.refused(&request, None, refusal.into(), refuse),
        };
        let refused = stream::Refused::default();
        let request = request.map(stream::limited).map(|body| match route {
            PublicRoute::Plain => body,
            PublicRoute::Messages | PublicRoute::Watch => stream::counted(body, client.as_ref(), &refused),
        });
        let now = tokio::time::Instant::now();
        let response = timeout_at(now + self.0.call_timeout, routes.clone().oneshot(request)).await;
        let lasts = match route {
            PublicRoute::Plain | PublicRoute::Messages => self.0.call_timeout,
            PublicRoute::Watch => MAX_WATCH,
        };
        let end = stream::End {
            at: now + lasts,
            stopped: self.0.stopped.clone().cancelled_owned(),
            refused,
            refuse,
            stream: watch,
        };
        let mut response = response.map_or_else(
            |_| refuse(Refusal::CallTimeout),
            |Ok(response)| response.map(|body| stream::until(body, end)),
        );
        let headers = response.headers_mut();
        self.0
            .rates
            .write_headers(headers, client.as_ref(), None, false, Instant::now());
        response
    }

    /// Returns the caller and the whole request, and stores the caller as soon as it is known.
    async fn admit(
        &self,
        request: Request,
        bounds: Bounds,
        client: Option<&Client>,
        known: &mut Option<Arc<Caller>>,
    ) -> Result<(Arc<Caller>, http::Request<Bytes>), Refusal> {
        let caller = self.authenticate(&request).inspect_err(|_| {
            if let Some(client) = client {
                client.penalize(FAILURE_COST, Instant::now());
            }
        })?;
        if let Some(client) = client {
            client.authenticated();
        }
        *known = Some(Arc::clone(&caller));
        let memory: Option<&RequestMemory> = request.extensions().get();
        // Without authentication all requests have one caller, and are told apart by their addresses.
        if let Some(memory) = memory.filter(|_| self.0.authenticator.requires_auth()) {
            memory.set_caller(&caller.name).map_err(|_| Refusal::OutOfMemory)?;
        }
        self.0.rates.caller(&caller, Instant::now())?;
        self.audited()?;
        let missing = |scopes: &[Scope]| scopes.iter().copied().find(|scope| !caller.scopes.contains(*scope));
        let mut missing = bounds.scopes.iter().map(|scopes| missing(scopes));
        if let Some(Some(scope)) = missing.next()
            && missing.all(|scope| scope.is_some())
        {
            return Err(Refusal::NotAllowed(scope));
        }
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

    fn audited(&self) -> Result<(), Refusal> {
        let failing = self.0.audit_failing.as_ref();
        if failing.is_some_and(|failing| failing.load(Ordering::Relaxed)) {
            return Err(Refusal::AuditUnavailable);
        }
        Ok(())
    }

    fn place(&self, in_flight: InFlight) -> Result<Arc<Place>, Refusal> {
        let permit = Arc::clone(&self.0.permits).try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::Overloaded)?;
        Ok(Arc::new(Place {
            _permit: permit,
            _in_flight: in_flight,
        }))
    }

    async fn in_time(&self, response: impl Future<Output = Response>, bounds: Bounds) -> Result<Response, Refusal> {
        if bounds.is_long {
            return Ok(response.await);
        }
        let in_time = timeout(self.0.call_timeout, response).await;
        in_time.map_err(|_| Refusal::CallTimeout)
    }
}

#[cfg(test)]
mod tests;
