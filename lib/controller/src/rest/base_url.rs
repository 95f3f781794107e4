//! The URL under which a client reaches the REST port, for the examples and the `servers` of the documentation.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The base URL of a port: the client's host name, and the scheme and path prefix of a reverse proxy.
///
/// The headers of proxies are not authenticated. They change only the response to the request that has them.
#[derive(Debug, Clone, Copy)]
pub struct BaseUrl {
    scheme: &'static str,
}

impl BaseUrl {
    /// The value of `vary` for responses with a base URL.
    pub const VARY: HeaderValue = HeaderValue::from_static("origin, host, x-forwarded-proto, x-forwarded-prefix");

    /// Creates the base URL of a port with this scheme, `http` or `https`.
    pub fn new(scheme: &'static str) -> Self {
        Self { scheme }
    }

    /// Returns the base URL of a request without a trailing slash, or `None` if the host name is absent or contains characters
    /// that a shell or a page would interpret.
    pub fn of_request(self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        // HTTP/2 has the host name in the URI.
        let host = uri.authority().map(axum::http::uri::Authority::as_str);
        let host = host
            .or_else(|| text(header::HOST))
            .filter(|host| is_plain(host, b".-:[]_"))?;
        let scheme = match text(FORWARDED_PROTO) {
            Some("http") => "http",
            Some("https") => "https",
            Some(_) | None => self.scheme,
        };
        let prefix = text(FORWARDED_PREFIX).map(|prefix| prefix.trim_matches('/'));
        Some(match prefix.filter(|prefix| is_plain(prefix, b".-_~/")) {
            Some(prefix) => format!("{scheme}://{host}/{prefix}"),
            None => format!("{scheme}://{host}"),
        })
    }
}

fn is_plain(text: &str, others: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_url(uri: &str, headers: &[(HeaderName, &'static str)]) -> Option<String> {
        let headers = headers.iter().cloned();
        let headers = headers
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect();
        BaseUrl::new("http").of_request(&uri.parse().expect("a URI"), &headers)
    }

    #[test]
    fn base_url_has_the_host_of_http_1_and_http_2() {
        for (uri, host, expected) in [
            ("/docs", "drafts.example.com", "http://drafts.example.com"),
            ("/docs", "[::1]:80", "http://[::1]:80"),
            ("https://drafts.example.com/docs", "other", "http://drafts.example.com"),
        ] {
            assert_eq!(base_url(uri, &[(header::HOST, host)]).as_deref(), Some(expected));
        }
        for bad in ["", "a;b", "a b", "$(a)", "<b>", "a'b", "a/b"] {
            assert_eq!(base_url("/docs", &[(header::HOST, bad)]), None, "{bad:?}");
        }
    }

    #[test]
    fn base_url_has_the_scheme_and_the_prefix_of_a_proxy() {
        let host = (header::HOST, "h");
        for (proto, prefix, expected) in [
            ("https", "/drafts/", "https://h/drafts"),
            ("https", "/", "https://h"),
            ("javascript", "/a/b", "http://h/a/b"),
            ("http", "/a;b", "http://h"),
        ] {
            let headers = [host.clone(), (FORWARDED_PROTO, proto), (FORWARDED_PREFIX, prefix)];
            assert_eq!(base_url("/docs", &headers).as_deref(), Some(expected));
        }
    }
}
