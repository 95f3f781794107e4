//! A fetch of an issuer's keys, with limits on everything that the remote server controls.

use std::time::Duration;

use draftstore_runtime::{HttpClient, HttpError};
use hyper::header::ACCEPT;
use hyper::{Request, StatusCode, Uri};

use crate::jwt::{Key, MAX_SET_BYTES, key_set};

/// The time limit of a request and its response.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches a key set over HTTPS. A redirect is an error, and is not followed.
pub(super) struct Fetcher {
    url: String,
    client: HttpClient,
}

/// The reason why a fetch failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFetched {
    #[error("the URL is invalid")]
    Url(#[source] hyper::http::Error),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the response has the status {0}")]
    Status(u16),
    #[error("the response {0}")]
    Set(&'static str),
}

impl Fetcher {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            client: HttpClient::new(TIMEOUT, MAX_SET_BYTES),
        }
    }

    /// Fetches the current keys.
    pub(super) async fn keys(&self) -> Result<Vec<Key>, NotFetched> {
        let request = Request::get(&self.url).header(ACCEPT, "application/jwk-set+json, application/json");
        let request = request.body("").map_err(NotFetched::Url)?;
        let response = self.client.send(request).await?;
        match response.status() {
            StatusCode::OK => key_set(response.body()).map_err(NotFetched::Set),
            status => Err(NotFetched::Status(status.as_u16())),
        }
    }
}

/// Checks that keys may be fetched from a URL. TLS is required, since another server could respond with its own keys.
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
