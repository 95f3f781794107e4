//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use draftstore_auth::PeerCertificate;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HeaderValue, STRICT_TRANSPORT_SECURITY};
use hyper::service::Service;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument as _;

use super::Observer;
use super::arrival::{Arrival, PortRefusal};
use super::body::{ArrivingBody, CountedBody, RequestGuards, RequestMemory, StreamedBody, WatchedBody};
use super::client::{ConnectionClients, RequestUsage};
use super::ending::Ending;
use super::handler::Handler;
use super::host_rules::{HostRules, head_bytes};
use super::io::WatchedStream;
use super::limits::ConnectionLimits;
use super::request_span::RequestSpan;
use super::traffic::{HEADER_TIMEOUT, IDLE_TIMEOUT, WRITE_TIMEOUT};
use super::watch::{Overdue, Watch};

/// The maximum size of a request's head, in bytes. It leaves room for a long token beside what browsers and proxies
/// send.
const MAX_HEAD_BYTES: u32 = 32 * 1024;

/// The maximum number of header fields in a request. Browsers send about twenty, and proxies add as many.
const MAX_HEADERS: usize = 100;

/// The maximum number of concurrent requests on an HTTP/2 connection. The client queues the rest.
const MAX_STREAMS: u32 = 100;

/// The maximum number of streams that a client has reset while their requests are still in progress. Well-behaved
/// clients reset few. A client that exceeds the limit loses the connection ("rapid reset", CVE-2023-44487).
const MAX_RESET_STREAMS: usize = 20;

/// The maximum number of streams that the server has reset because of a client's errors. A client that exceeds the
/// limit loses the connection (CVE-2025-8671).
const MAX_ERROR_STREAMS: usize = 256;

/// The number of bytes of a request's body, and of all those of a connection, that an HTTP/2 client may send before they
/// are read.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// The memory that a request needs beside its fields, in bytes.
const REQUEST_OVERHEAD: usize = 512;

/// The `connection` header of the last response on a connection.
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The `strict-transport-security` header of responses over TLS. For one year, the minimum that preload lists require,
/// browsers do not connect without TLS. Subdomains are not included, because they may belong to others.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc6797>, which forbids the header on responses without TLS.
const STRICT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The transport of a connection.
#[derive(Debug, Clone)]
pub(super) enum Channel {
    Plain,
    /// TLS, with the certificate that the client presented.
    Tls(Option<PeerCertificate>),
}

/// A connection and everything it is served with.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) limits: ConnectionLimits,
    pub(super) peer: SocketAddr,
    pub(super) clients: ConnectionClients,
    pub(super) rules: PortRules,
    pub(super) handler: Handler,
    pub(super) ending: Ending,
    pub(super) observer: Observer,
}

/// The rules of a port for its requests.
#[derive(Debug, Clone, Default)]
pub(super) struct PortRules {
    pub(super) hosts: Option<HostRules>,
    /// The port is that of a store, which streams bodies and is called by this server, too.
    pub(super) is_store: bool,
}

impl Connection {
    /// Completes the TLS handshake, then serves the connection.
    pub(super) async fn serve_tls(self, tls: TlsAcceptor, stream: TcpStream) {
        let handshake = timeout(self.limits.header_timeout, tls.accept(stream));
        let handshake = self.ending.end.run_until_cancelled(handshake).await;
        match handshake {
            Some(Ok(Ok(stream))) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let certificate = shown.map(|certificate| PeerCertificate(certificate.as_ref().into()));
                self.serve(stream, Channel::Tls(certificate)).await;
            }
            Some(Ok(Err(error))) => tracing::debug!(peer = %self.peer, %error, "handshake failed"),
            Some(Err(_)) => {
                self.observer.refused(HEADER_TIMEOUT);
                tracing::debug!(peer = %self.peer, "handshake timed out");
            }
            None => {}
        }
    }

    /// Serves requests until the client closes the connection, a timeout expires, or the server shuts down and no
    /// request is in flight.
    ///
    /// When the server drains, an HTTP/2 client gets a GOAWAY frame. An HTTP/1 client learns it from its next response,
    /// because closing an idle connection would lose a request that is on its way.
    pub(super) async fn serve<S>(self, stream: S, channel: Channel)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watch = Watch::new(&self.limits, Instant::now());
        let is_new = self.ending.draining.is_cancelled();
        let requests = Requests {
            handler: self.handler.clone(),
            observer: self.observer.clone(),
            watch: watch.clone(),
            clients: self.clients,
            rules: self.rules,
            idle_timeout: self.limits.idle_timeout,
            channel,
            ending: self.ending.clone(),
        };
        let stream = WatchedStream::new(stream, watch.clone());
        let builder = builder(&self.limits);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), requests));
        tokio::select! {
            // An error here means that the client broke the connection.
            _ = connection.as_mut() => return,
            overdue = watch.overdue() => {
                tracing::debug!(peer = %self.peer, ?overdue, "connection closed");
                self.observer.refused(match overdue {
                    Overdue::Head => HEADER_TIMEOUT,
                    Overdue::Reading => WRITE_TIMEOUT,
                    Overdue::Request => IDLE_TIMEOUT,
                });
                if overdue != Overdue::Request {
                    return;
                }
            }
            () = self.ending.close_requested(is_new, || watch.is_http2()) => {
                if watch.is_droppable() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                // A client that got GOAWAY while the server drains has until the end: it may have sent more requests
                // meanwhile.
                tokio::select! {
                    _ = connection.as_mut() => return,
                    _ = watch.overdue() => {}
                    () = self.ending.end.cancelled() => {}
                }
            }
        }
        watch.begin_close(Instant::now());
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection => {}
            _ = watch.overdue() => {}
        }
    }
}

fn builder(limits: &ConnectionLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The watch enforces timeouts: hyper has a single timeout for a head and for the pause before it, and ours differ.
    builder
        .http1()
        .max_buf_size(MAX_HEAD_BYTES as usize)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.header_timeout)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_ERROR_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES);
    builder
}

/// The service of a connection, which adds what is known of the connection to each request.
#[derive(Debug, Clone)]
struct Requests {
    handler: Handler,
    watch: Watch,
    clients: ConnectionClients,
    rules: PortRules,
    idle_timeout: Duration,
    channel: Channel,
    observer: Observer,
    ending: Ending,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<WatchedBody<Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let under_way = self.watch.request();
        let path = request.uri().path();
        let counted = self.observer.counted.as_ref();
        let counted = counted.map(|(port, traffic)| traffic.request(*port, path));
        let in_flight = counted
            .as_ref()
            .map(|counted| counted.in_flight.clone())
            .unwrap_or_default();
        let admitted = self.admit(&mut request);
        request.extensions_mut().insert(in_flight.clone());
        if let Channel::Tls(Some(certificate)) = &self.channel {
            request.extensions_mut().insert(certificate.clone());
        }
        // HTTP/2 has no `connection` header: its clients get a GOAWAY frame.
        let ending = (request.version() < Version::HTTP_2).then(|| self.ending.clone());
        let begin = |port| RequestSpan::begin(port, request.uri().path(), request.headers());
        let traced = self.observer.traced.map(begin);
        let is_head = request.method() == Method::HEAD;
        let is_strict = matches!(self.channel, Channel::Tls(_));
        let usage = admitted.as_ref().ok().cloned();
        let (head, body) = request.into_parts();
        let body = ArrivingBody::new(body);
        // HTTP/2 ends a stream by itself.
        let unread = (head.version < Version::HTTP_2).then(|| body.clone());
        let awaits_continue = head.headers.contains_key(EXPECT);
        let response = self
            .handler
            .call(self.arrival(Request::from_parts(head, body), admitted));
        let guards = RequestGuards {
            active: under_way,
            usage,
            _in_flight: in_flight,
        };
        let finished = move |mut response: Response<Body>| {
            if is_strict {
                response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, STRICT);
            }
            if ending.is_some_and(|ending| ending.draining.is_cancelled()) {
                response.headers_mut().insert(CONNECTION, CLOSE);
            }
            if let Some(counted) = counted {
                counted.answered(&response);
            }
            // The request is read and gone, however long its response takes.
            if let Some(usage) = &guards.usage {
                usage.release();
            }
            // hyper sends the body of a response to HEAD on HTTP/2.
            let body_of = |body| if is_head { Body::empty() } else { body };
            response.map(|body| WatchedBody::new(body_of(body), guards))
        };
        let read = async move |mut response: Response<Body>| {
            if let Some(unread) = unread
                && !unread.discard(awaits_continue).await
            {
                response.headers_mut().insert(CONNECTION, CLOSE);
            }
            response
        };
        if let Some(traced) = traced {
            return Box::pin(async move {
                let mut response = response.instrument(traced.span.clone()).await;
                traced.end(&mut response);
                Ok(finished(read(response).await))
            });
        }
        Box::pin(async move { Ok(finished(read(response.await).await)) })
    }
}

impl Requests {
    /// Names the client of a request, and counts the request against the limits of the port.
    fn admit(&self, request: &mut Request<Incoming>) -> Result<Arc<RequestUsage>, PortRefusal> {
        let client = self.clients.of(request.headers());
        let uri = request.uri();
        let uri = uri.path().len() + uri.query().map_or(0, str::len);
        let head = REQUEST_OVERHEAD + head_bytes(uri, request.headers());
        let usage = client.request(head, Instant::now());
        request.extensions_mut().insert(client);
        let usage = usage?;
        self.rules.hosts.as_ref().map_or(Ok(()), |hosts| hosts.check(request))?;
        Ok(Arc::new(usage))
    }

    fn arrival(&self, request: Request<ArrivingBody>, admitted: Result<Arc<RequestUsage>, PortRefusal>) -> Arrival {
        match admitted {
            Ok(_) if self.rules.is_store => {
                let timeout = self.idle_timeout;
                Arrival::Admitted(request.map(|body| Body::new(StreamedBody::new(body, timeout))))
            }
            Ok(usage) => {
                let memory = RequestMemory(Arc::clone(&usage));
                let mut request = request.map(|body| Body::new(CountedBody { body, usage }));
                request.extensions_mut().insert(memory);
                Arrival::Admitted(request)
            }
            Err(refusal) => Arrival::Refused(request.map(|_| Body::empty()), refusal),
        }
    }
}
