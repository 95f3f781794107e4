//! A client as plain as any: what a browser or curl would send to a presigned URL.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use draftstore_storage::PresignedRequest;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::http::request::Builder;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// For a request with its answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// No answer here is longer, but for a store's own page about an error.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Over HTTP, and over HTTPS with the roots that this machine trusts.
#[derive(Debug)]
pub(super) struct Http {
    plain: Client<HttpConnector, Full<Bytes>>,
    tls: Option<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Http {
    /// A machine may have no roots: then HTTPS fails, and nothing else does.
    pub(super) fn new() -> Self {
        let roots = HttpsConnectorBuilder::new().with_native_roots();
        let tls = roots.map(|builder| builder.https_only().enable_http1().build());
        Self {
            plain: Client::builder(TokioExecutor::new()).build_http(),
            tls: tls.ok().map(|tls| Client::builder(TokioExecutor::new()).build(tls)),
        }
    }

    /// Sends what was signed, with the headers that it was signed with and these besides, which come first.
    pub(super) async fn send(
        &self,
        signed: PresignedRequest,
        extra: &[(&str, &str)],
        body: &'static str,
    ) -> anyhow::Result<Answer> {
        let method = Method::from_bytes(signed.method.as_str().as_bytes())?;
        let overridden = |name: &str| name == CONTENT_LENGTH || extra.iter().any(|(extra, _)| *extra == name);
        let signed_headers = signed.headers.iter().filter(|(name, _)| !overridden(name));
        let headers = signed_headers.map(|(name, value)| (name.as_str(), value.as_str()));
        let request = Request::builder().method(method).uri(signed.url.expose());
        let request = headers
            .chain(extra.iter().copied())
            .fold(request, |request, (name, value)| request.header(name, value));
        self.answer(request, body).await
    }

    /// Sends a form that was signed, with this file.
    ///
    /// Source: RFC 7578.
    pub(super) async fn send_form(&self, signed: PresignedRequest, file: &str) -> anyhow::Result<Answer> {
        const BOUNDARY: &str = "----------------------draftstore";
        let part = |name: &str| format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"");
        let mut body = String::new();
        for (name, value) in signed.fields.expose() {
            write!(body, "{}\r\n\r\n{value}\r\n", part(&name))?;
        }
        let part = part("file");
        write!(body, "{part}; filename=\"doctor\"\r\n\r\n{file}\r\n--{BOUNDARY}--\r\n")?;
        let request = Request::post(signed.url.expose())
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"));
        self.answer(request, body).await
    }

    /// What a browser asks before it sends this from a page of that origin.
    pub(super) async fn preflight(
        &self,
        signed: PresignedRequest,
        origin: &str,
        headers: &str,
    ) -> anyhow::Result<Answer> {
        let request = Request::options(signed.url.expose())
            .header("origin", origin)
            .header("access-control-request-method", signed.method.as_str())
            .header("access-control-request-headers", headers);
        self.answer(request, "").await
    }

    async fn answer(&self, request: Builder, body: impl Into<Bytes>) -> anyhow::Result<Answer> {
        let request = request.body(Full::from(body.into()))?;
        let answer = async { read(self.response(request).await?).await };
        timeout(DEADLINE, answer).await.context("no answer in time")?
    }

    async fn response(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        let response = if request.uri().scheme_str() == Some("https") {
            let tls = self.tls.as_ref().context("this machine has no CA certificates")?;
            tls.request(request).await
        } else {
            self.plain.request(request).await
        };
        response.context("the endpoint cannot be reached")
    }
}

async fn read(response: Response<Incoming>) -> anyhow::Result<Answer> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|_| anyhow::anyhow!("the answer broke off"))?.to_bytes();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body,
    })
}
