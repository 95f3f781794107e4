//! A plain HTTP client, which sends requests to presigned URLs as a browser or curl would.

use std::fmt::Write as _;
use std::time::Duration;

use draftstore_runtime::HttpClient;
use draftstore_storage::PresignedRequest;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response};

/// The timeout of a request with its response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a response, in bytes. Only error pages of a store are larger.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The client that all checks use.
#[derive(Debug)]
pub(super) struct Http(HttpClient);

impl Http {
    pub(super) fn new() -> Self {
        Self(HttpClient::new(TIMEOUT, MAX_RESPONSE_BYTES))
    }

    /// Sends a signed request with its headers and extra headers, which take precedence.
    pub(super) async fn send(
        &self,
        signed: PresignedRequest,
        extra: &[(&str, &str)],
        body: &'static str,
    ) -> anyhow::Result<Response<Bytes>> {
        let method = Method::from_bytes(signed.method.as_str().as_bytes())?;
        let overridden = |name: &str| name == CONTENT_LENGTH || extra.iter().any(|(extra, _)| *extra == name);
        let signed_headers = signed.headers.iter().filter(|(name, _)| !overridden(name));
        let headers = signed_headers.map(|(name, value)| (name.as_str(), value.as_str()));
        let request = Request::builder().method(method).uri(signed.url.expose());
        let request = headers
            .chain(extra.iter().copied())
            .fold(request, |request, (name, value)| request.header(name, value));
        self.send_request(request, body).await
    }

    /// Sends a signed form with this file.
    ///
    /// Source: RFC 7578.
    pub(super) async fn send_form(&self, signed: PresignedRequest, file: &str) -> anyhow::Result<Response<Bytes>> {
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
        self.send_request(request, body).await
    }

    /// Sends the preflight that a browser sends before this request, for a page of this origin.
    pub(super) async fn preflight(
        &self,
        signed: PresignedRequest,
        origin: &str,
        headers: &str,
    ) -> anyhow::Result<Response<Bytes>> {
        let request = Request::options(signed.url.expose())
            .header("origin", origin)
            .header("access-control-request-method", signed.method.as_str())
            .header("access-control-request-headers", headers);
        self.send_request(request, "").await
    }

    async fn send_request(&self, request: Builder, body: impl Into<Bytes>) -> anyhow::Result<Response<Bytes>> {
        Ok(self.0.send(request.body(body)?).await?)
    }
}
