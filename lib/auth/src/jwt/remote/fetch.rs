//! One fetch, with bounds on everything that the other end decides.

use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::ACCEPT;
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::jwt::{Key, MAX_SET_BYTES, key_set};

/// For the request with its answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Gets a set by HTTPS, with the roots that this machine trusts. A redirect is not followed: it is an answer without a set.
pub(super) struct Fetcher {
    url: String,
    client: Option<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFetched {
    #[error("this machine trusts no certificate authority")]
    NoRoots,
    #[error("the URL is none")]
    NoUrl(#[source] hyper::http::Error),
    #[error("it cannot be reached")]
    NotReached(#[source] hyper_util::client::legacy::Error),
    #[error("there is no answer in 5 seconds")]
    NotInTime,
    #[error("the answer broke off, or is longer than 262144 bytes")]
    BrokenOff,
    #[error("the answer has the status {0}")]
    Status(u16),
    #[error("the answer {0}")]
    NoSet(&'static str),
}

impl Fetcher {
    pub(super) fn new(url: String) -> Self {
        let roots = HttpsConnectorBuilder::new().with_native_roots();
        let tls = roots.ok().map(|builder| builder.https_only().enable_http1().build());
        Self {
            url,
            client: tls.map(|tls| Client::builder(TokioExecutor::new()).build(tls)),
        }
    }

    /// The keys that are there now.
    pub(super) async fn keys(&self) -> Result<Vec<Key>, NotFetched> {
        let answer = timeout(DEADLINE, self.answer()).await;
        let set = answer.map_err(|_| NotFetched::NotInTime)??;
        key_set(&set).map_err(NotFetched::NoSet)
    }

    async fn answer(&self) -> Result<Bytes, NotFetched> {
        let client = self.client.as_ref().ok_or(NotFetched::NoRoots)?;
        let request = Request::get(&self.url).header(ACCEPT, "application/jwk-set+json, application/json");
        let request = request.body(Empty::new()).map_err(NotFetched::NoUrl)?;
        let response = client.request(request).await.map_err(NotFetched::NotReached)?;
        if response.status() != StatusCode::OK {
            return Err(NotFetched::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), MAX_SET_BYTES).collect().await;
        Ok(body.map_err(|_| NotFetched::BrokenOff)?.to_bytes())
    }
}

/// Whether keys may be fetched there: whoever answers in the place of the issuer could sign tokens.
pub(crate) fn https(url: &str) -> Result<(), &'static str> {
    let valid = url.parse::<Uri>().is_ok_and(|url| {
        let host = url.authority().map(|authority| (authority.host(), authority.as_str()));
        url.scheme_str() == Some("https") && host.is_some_and(|(host, all)| !host.is_empty() && !all.contains('@'))
    });
    valid
        .then_some(())
        .ok_or("must be an https URL without user and password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_by_https_alone() {
        for good in ["https://id.example.com/keys", "https://127.0.0.1:8443/a?b=c"] {
            assert_eq!(https(good), Ok(()), "{good}");
        }
        for bad in [
            "http://id.example.com/keys",
            "http://127.0.0.1/",
            "id.example.com",
            "",
            "https://",
            "https://a@b/",
        ] {
            assert!(https(bad).is_err(), "{bad}");
        }
    }
}
