//! Imitations of stores that differ from S3, so that tests need none of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use draftstore_sigv4::{BucketUrl, Credentials, Signer, Timestamp, UrlRequest};
use draftstore_storage::Operation;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::connection::ConnectionEnd;
use super::fault::document;
use super::forward::forward;
use super::request::parameters;
use crate::StoreEndpoint;

/// The time between a check and the act that depends on it. Another request finishes within it.
const BETWEEN: Duration = Duration::from_millis(50);

const SOURCE: &str = "x-amz-copy-source";
const SOURCE_IF_MATCH: &str = "x-amz-copy-source-if-match";

/// The characters that are encoded in the source of a copy.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

/// A difference of a store from S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreQuirk {
    /// Answers 411 to a PUT or a POST without `Content-Length`, as Ceph RGW does.
    RequiresLength,
    /// Decodes the source of `UploadPartCopy` twice, as Ceph RGW does.
    DecodesPartSourcesTwice,
    /// Copies what is there some time after the check of the source, as Swift does.
    ChecksThenCopies,
    /// Answers 412 to a copy of an object of parts by its `ETag`, as Swift does.
    RefusesEtagsOfParts,
    /// Answers 400 to `DeleteObjects` without `Content-MD5`, as Swift does.
    RequiresMd5,
    /// Drops the metadata of an object.
    DropsMetadata,
    /// Lists no parts of an upload that has ended, as SeaweedFS does for a moment.
    ListsEndedUploads,
    /// Answers 501 to an operation.
    Lacks(Operation),
}

impl StoreQuirk {
    /// Answers a request like such a store, or returns `None` for a request that this difference does not concern.
    pub(super) async fn serve(
        self,
        store: &QuirkyStore,
        operation: Operation,
        request: &Request<Full<Bytes>>,
    ) -> Result<Option<Response<Bytes>>, ConnectionEnd> {
        let headers = request.headers();
        let is_copy = matches!(operation, Operation::CopyObject | Operation::UploadPartCopy);
        Ok(match self {
            Self::RequiresLength
                if matches!(*request.method(), Method::PUT | Method::POST)
                    && !headers.contains_key(header::CONTENT_LENGTH) =>
            {
                Some(error(StatusCode::LENGTH_REQUIRED, "MissingContentLength"))
            }
            Self::RequiresMd5 if operation == Operation::DeleteObjects && !headers.contains_key("content-md5") => {
                Some(error(StatusCode::BAD_REQUEST, "InvalidRequest"))
            }
            Self::Lacks(lacking) if lacking == operation => Some(error(StatusCode::NOT_IMPLEMENTED, "NotImplemented")),
            Self::RefusesEtagsOfParts
                if headers
                    .get(SOURCE_IF_MATCH)
                    .is_some_and(|etag| etag.as_bytes().contains(&b'-')) =>
            {
                Some(error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed"))
            }
            Self::DecodesPartSourcesTwice if operation == Operation::UploadPartCopy => {
                Some(store.send_changed(request, decode_source).await?)
            }
            Self::ChecksThenCopies if is_copy && headers.contains_key(SOURCE_IF_MATCH) => {
                Some(store.check_then_copy(request).await?)
            }
            Self::DropsMetadata if request.method() != Method::GET => Some(
                store
                    .send_changed(request, |headers| {
                        headers.retain(|name, _| !name.starts_with("x-amz-meta-"));
                    })
                    .await?,
            ),
            Self::ListsEndedUploads if operation == Operation::ListParts => {
                let listed = store.send_changed(request, |_| {}).await?;
                let ended = listed.status() == StatusCode::NOT_FOUND;
                Some(if ended { no_parts() } else { listed })
            }
            Self::RequiresLength
            | Self::DecodesPartSourcesTwice
            | Self::ChecksThenCopies
            | Self::RefusesEtagsOfParts
            | Self::RequiresMd5
            | Self::DropsMetadata
            | Self::ListsEndedUploads
            | Self::Lacks(_) => None,
        })
    }
}

/// Decodes the source twice, and encodes it once for the store behind.
fn decode_source(headers: &mut BTreeMap<String, String>) {
    if let Some(source) = headers.get_mut(SOURCE) {
        let once = percent_decode_str(source).decode_utf8_lossy().into_owned();
        let twice = percent_decode_str(&once).decode_utf8_lossy();
        *source = utf8_percent_encode(&twice, ENCODED).to_string();
    }
}

/// The store behind an imitation, whose requests are changed and signed anew.
#[derive(Debug, Clone)]
pub(super) struct QuirkyStore {
    pub(super) address: SocketAddr,
    pub(super) endpoint: StoreEndpoint,
}

impl QuirkyStore {
    async fn check_then_copy(&self, request: &Request<Full<Bytes>>) -> Result<Response<Bytes>, ConnectionEnd> {
        let text = |name: &str| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let source = percent_decode_str(text(SOURCE).trim_start_matches('/'))
            .decode_utf8_lossy()
            .into_owned();
        let Some((bucket, key)) = source.split_once('/') else {
            return Ok(error(StatusCode::BAD_REQUEST, "InvalidArgument"));
        };
        let head = self.signed(&Method::HEAD, text("host"), (bucket, key), &[], &BTreeMap::new());
        let found = self.send(head, Full::default()).await?;
        let etag = found
            .headers()
            .get(header::ETAG)
            .map(HeaderValue::as_bytes)
            .unwrap_or_default();
        if etag != text(SOURCE_IF_MATCH).as_bytes() {
            return Ok(error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed"));
        }
        tokio::time::sleep(BETWEEN).await;
        self.send_changed(request, |headers| {
            headers.remove(SOURCE_IF_MATCH);
        })
        .await
    }

    /// Sends a request with other headers of S3.
    async fn send_changed(
        &self,
        request: &Request<Full<Bytes>>,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<Response<Bytes>, ConnectionEnd> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let of_s3 = request.headers().iter().filter(|(name, _)| {
            let name = name.as_str();
            name.starts_with("x-amz-") && !matches!(name, "x-amz-content-sha256" | "x-amz-date" | "x-amz-user-agent")
        });
        let mut headers: BTreeMap<_, _> = of_s3.map(|(name, value)| (name.to_string(), text(value))).collect();
        change(&mut headers);
        let path = percent_decode_str(request.uri().path().trim_start_matches('/'))
            .decode_utf8_lossy()
            .into_owned();
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        let mut query: Vec<_> = parameters(request.uri())
            .filter(|(name, _)| !name.starts_with("X-Amz-"))
            .collect();
        query.sort();
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
            .collect();
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        let mut changed = self.signed(request.method(), host, (bucket, key), &query, &headers);
        let unsigned = [
            header::CONTENT_TYPE,
            header::CONTENT_LENGTH,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
        ];
        for name in unsigned {
            if let Some(value) = request.headers().get(&name) {
                changed.headers.insert(name, value.clone());
            }
        }
        self.send(changed, request.body().clone()).await
    }

    fn signed(
        &self,
        method: &Method,
        host: &str,
        (bucket, key): (&str, &str),
        query: &[(&str, &str)],
        headers: &BTreeMap<String, String>,
    ) -> Parts {
        let credentials = Credentials {
            access_key_id: self.endpoint.access_key_id.clone(),
            secret_access_key: self.endpoint.secret_access_key.clone(),
            session_token: None,
        };
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970");
        let now = Timestamp::from_unix_seconds(now.as_secs()).expect("before the year 10000");
        let url = Signer::new(credentials, &*self.endpoint.region, now).sign_url(&UrlRequest {
            method: method.as_str(),
            bucket: &BucketUrl::new(format!("http://{host}/{bucket}/")).expect("a URL that ends with a slash"),
            key,
            query,
            headers,
            seconds: 60,
        });
        let path = url.strip_prefix(&format!("http://{host}")).expect("a URL of the host");
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).expect("a valid request").into_parts();
        parts
    }

    async fn send(&self, parts: Parts, body: Full<Bytes>) -> Result<Response<Bytes>, ConnectionEnd> {
        let response = forward(self.address, Request::from_parts(parts, body)).await;
        response.map_err(|_| ConnectionEnd::Closed)
    }
}

/// Answers `ListParts` with an empty list.
fn no_parts() -> Response<Bytes> {
    let document = "<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                    <IsTruncated>false</IsTruncated></ListPartsResult>";
    xml(StatusCode::OK, document.to_owned())
}

fn error(status: StatusCode, code: &str) -> Response<Bytes> {
    xml(status, document(code))
}

fn xml(status: StatusCode, document: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(document));
    *response.status_mut() = status;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}
