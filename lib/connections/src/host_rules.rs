//! The allowed host names and origins of a server without authentication.
//!
//! A browser on the same machine reaches such a server for every page that it shows. A page whose own name was made to
//! resolve to this machine (DNS rebinding) sends that name as the host, and a page of another origin sends its origin.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::{HOST, ORIGIN};
use hyper::http::HeaderValue;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Request};

use super::arrival::PortRefusal;

/// The hosts and origins whose requests a port accepts. Clones share them.
#[derive(Clone)]
pub struct HostRules {
    hosts: Arc<[String]>,
    origins: Option<Arc<OriginCheck>>,
}

/// Returns true for an origin that is listed.
type OriginCheck = dyn Fn(&str) -> bool + Send + Sync;

impl HostRules {
    /// Creates rules for a server with these names, beside `localhost` and IP addresses, which no page can bring to this machine.
    pub fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        Self {
            hosts: hosts.into_iter().collect(),
            origins: None,
        }
    }

    /// Accepts pages of the server itself and of the origins for which the function returns `true`, and no others. A page of
    /// another site may link to the server, and may not load anything from it.
    #[must_use]
    pub fn with_origins(mut self, is_listed: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.origins = Some(Arc::new(is_listed));
        self
    }

    /// Checks the host and the origin of a request.
    ///
    /// # Errors
    /// [`PortRefusal::UnknownHost`] or [`PortRefusal::UnknownOrigin`].
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), PortRefusal> {
        let headers = request.headers();
        let authority = request.uri().authority().map(|authority| Some(authority.as_str()));
        let mut hosts = authority.into_iter().chain(headers.get_all(HOST).iter().map(text));
        if !hosts.all(|host| host.is_some_and(|host| self.is_own(host))) {
            return Err(PortRefusal::UnknownHost);
        }
        if self.origins.is_some() && is_load_of_another_site(headers) {
            return Err(PortRefusal::UnknownOrigin);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let own = request.uri().authority().map(Authority::as_str);
        let own = own.or_else(|| headers.get(HOST).and_then(text));
        if origins.all(|origin| text(origin).is_some_and(|origin| self.accepts(origin, own))) {
            Ok(())
        } else {
            Err(PortRefusal::UnknownOrigin)
        }
    }

    /// Returns true for an IP address, `localhost`, or a name of the server, with or without a port.
    fn is_own(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            Some(_) | None => host,
        };
        let in_brackets = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let is_address = in_brackets.unwrap_or(name).parse::<IpAddr>().is_ok();
        let mut names = ["localhost"].into_iter().chain(self.hosts.iter().map(String::as_str));
        is_address || names.any(|known| known.eq_ignore_ascii_case(name))
    }

    fn accepts(&self, origin: &str, own: Option<&str>) -> bool {
        let Some(is_listed) = &self.origins else {
            return true;
        };
        let host = origin.split_once("://").map(|(_, host)| host);
        let is_same = host.zip(own).is_some_and(|(host, own)| host.eq_ignore_ascii_case(own));
        is_same || is_listed(origin)
    }
}

impl fmt::Debug for HostRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostRules")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// Returns true for a request that a page of another site makes without its origin, for example for an image, and that does not
/// open a page. Source: <https://www.w3.org/TR/fetch-metadata/>
fn is_load_of_another_site(headers: &HeaderMap) -> bool {
    let is = |name, value: &str| {
        headers
            .get(name)
            .is_some_and(|header| header.as_bytes() == value.as_bytes())
    };
    !headers.contains_key(ORIGIN) && is("sec-fetch-site", "cross-site") && !is("sec-fetch-mode", "navigate")
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// Returns the size of a request's head, in bytes, as it is held in memory.
pub(super) fn head_bytes(uri: usize, headers: &HeaderMap) -> usize {
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    uri + fields.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, headers: &[(&str, &str)]) -> Result<(), PortRefusal> {
        let rules =
            HostRules::new(["Drafts.test".to_owned()]).with_origins(|origin| origin == "https://app.example.com");
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        rules.check(&request.body(()).expect("a request"))
    }

    #[test]
    fn only_names_of_the_server_are_accepted() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "192.168.1.7",
            "drafts.test:1",
        ] {
            assert_eq!(check("/", &[("host", host)]), Ok(()), "{host}");
            assert_eq!(check(&format!("http://{host}/"), &[]), Ok(()), "{host}");
        }
        for host in [
            "evil.test",
            "evil.test:8080",
            "localhost.evil.test",
            "evil.localhost",
            "drafts.test.evil.test",
            "127.0.0.1.evil.test",
            "",
            ":80",
            "[::1",
        ] {
            assert_eq!(check("/", &[("host", host)]), Err(PortRefusal::UnknownHost), "{host}");
        }
        let two = [("host", "localhost"), ("host", "evil.test")];
        assert_eq!(check("/", &two), Err(PortRefusal::UnknownHost));
        let two = [("host", "localhost")];
        assert_eq!(check("http://evil.test/", &two), Err(PortRefusal::UnknownHost));
        assert_eq!(check("/", &[]), Ok(()), "HTTP/1.0, which no browser speaks");
    }

    #[test]
    fn a_page_of_another_site_loads_nothing_without_its_origin() {
        let host = ("host", "localhost:8080");
        let (site, mode) = (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"));
        for headers in [vec![host, site, mode], vec![host, site]] {
            assert_eq!(check("/", &headers), Err(PortRefusal::UnknownOrigin), "{headers:?}");
        }
        for headers in [
            vec![host, site, ("sec-fetch-mode", "navigate")],
            vec![host, ("sec-fetch-site", "same-origin"), mode],
            vec![host, ("sec-fetch-site", "same-site"), mode],
            vec![host, ("sec-fetch-site", "none"), mode],
            vec![
                host,
                site,
                ("sec-fetch-mode", "cors"),
                ("origin", "https://app.example.com"),
            ],
        ] {
            assert_eq!(check("/", &headers), Ok(()), "{headers:?}");
        }
        let hosts_only = HostRules::new([]);
        let request = Request::get("/").header(site.0, site.1).header(mode.0, mode.1);
        assert_eq!(hosts_only.check(&request.body(()).expect("a request")), Ok(()));
    }

    #[test]
    fn only_pages_of_the_server_and_of_listed_origins_are_accepted() {
        let from = |origin| check("/", &[("host", "localhost:8080"), ("origin", origin)]);
        for origin in [
            "http://localhost:8080",
            "https://localhost:8080",
            "https://app.example.com",
        ] {
            assert_eq!(from(origin), Ok(()), "{origin}");
        }
        for origin in [
            "http://localhost:3000",
            "http://evil.test:8080",
            "https://app.example.com.evil.test",
            "null",
            "",
        ] {
            assert_eq!(from(origin), Err(PortRefusal::UnknownOrigin), "{origin}");
        }
    }
}
