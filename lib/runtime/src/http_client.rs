//! A small HTTP client, for requests to other services than the store: one request, with limits on its response.
//!
//! The client follows no redirects.

use std::time::Duration;

use draftstore_proxy::{AddressRule, Connector, Proxies, Proxy};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::PROXY_AUTHORIZATION;
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, timeout_at};

/// A client for HTTP, and for HTTPS with the certificate authorities that this machine trusts.
#[derive(Debug)]
pub struct HttpClient {
    http: Client<Connector, Full<Bytes>>,
    /// `None` on a machine that trusts no certificate authority.
    https: Option<Client<HttpsConnector<Connector>, Full<Bytes>>>,
    timeout: Duration,
    max_body_bytes: usize,
}

/// The reason why a request has no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// There are no certificate authorities for HTTPS.
    #[error("this machine trusts no certificate authority")]
    NoRoots,
    /// The connection to the server failed.
    #[error("the server cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// The response was not complete in time.
    #[error("no complete response within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// The body was too long, or ended early.
    #[error("the response is incomplete, or longer than {0} bytes")]
    Body(usize),
}

impl HttpClient {
    /// Creates a client that limits the time and the body of each response.
    pub fn new(timeout: Duration, max_body_bytes: usize) -> Self {
        let connector = Connector::forwarding(Proxies::of_process().clone());
        Self::by(connector, timeout, max_body_bytes)
    }

    /// Creates a client that connects only to addresses that the rule allows.
    pub fn restricted(timeout: Duration, max_body_bytes: usize, rule: AddressRule) -> Self {
        let connector = Connector::forwarding(Proxies::of_process().clone());
        Self::by(connector.restricted(rule), timeout, max_body_bytes)
    }

    fn by(connector: Connector, timeout: Duration, max_body_bytes: usize) -> Self {
        let roots = HttpsConnectorBuilder::new().with_native_roots().ok();
        let https = roots.map(|builder| builder.https_only().enable_http1().wrap_connector(connector.clone()));
        Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            https: https.map(|https| Client::builder(TokioExecutor::new()).build(https)),
            timeout,
            max_body_bytes,
        }
    }

    /// Sends a request, and returns the response with its whole body.
    ///
    /// # Errors
    /// [`HttpError`] if there is no complete response within the limits. A response with any status is a response.
    pub async fn send(&self, request: Request<impl Into<Bytes>>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = self.send_for_status(request).await?.into_parts();
        Ok(Response::from_parts(head, body?))
    }

    /// Sends a request, and returns the response with its whole body, or the reason why the body is not complete.
    ///
    /// # Errors
    /// [`HttpError`] if there is no status within the time limit.
    pub async fn send_for_status(
        &self,
        request: Request<impl Into<Bytes>>,
    ) -> Result<Response<Result<Bytes, HttpError>>, HttpError> {
        let ends_at = Instant::now() + self.timeout;
        let timed_out = |_| HttpError::TimedOut(self.timeout);
        let request = request.map(|body| Full::from(body.into()));
        let response = timeout_at(ends_at, self.response(request)).await.map_err(timed_out)??;
        let (head, body) = response.into_parts();
        let body = timeout_at(ends_at, Limited::new(body, self.max_body_bytes).collect()).await;
        let body = body.map_err(timed_out).and_then(|body| {
            let body = body.map_err(|_| HttpError::Body(self.max_body_bytes))?;
            Ok(body.to_bytes())
        });
        Ok(Response::from_parts(head, body))
    }

    async fn response(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, HttpError> {
        let response = if request.uri().scheme_str() == Some("https") {
            self.https.as_ref().ok_or(HttpError::NoRoots)?.request(request).await
        } else {
            let proxy = Proxies::of_process().proxy_for(request.uri());
            if let Some(authorization) = proxy.and_then(Proxy::authorization) {
                request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
            }
            self.http.request(request).await
        };
        response.map_err(HttpError::Unreachable)
    }
}
