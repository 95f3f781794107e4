//! Connections to other services, through the proxies that the environment names.
//!
//! Every client of every program uses this rule. It knows no settings but `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and
//! `NO_PROXY`, and nothing of the services.

mod connector;
mod exceptions;

use std::fmt;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
pub use http::Uri;
use percent_encoding::percent_decode_str;
use url::Url;

pub use connector::{AddressRule, ConnectError, Connection, Connector};
use exceptions::Exceptions;

/// The proxies by the scheme of the destination, and the hosts that are reached without one.
///
/// Loopback and link-local addresses are always reached directly: a proxy could not reach them, and the credentials of an
/// instance come from a link-local address.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exceptions: Exceptions,
}

/// An HTTP proxy with its credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The URL of the proxy, without user and password.
    pub uri: Uri,
    /// The user and the password.
    pub user: Option<(String, String)>,
}

impl Proxies {
    /// Returns the proxies of this process.
    pub fn of_process() -> &'static Self {
        &Self::read().0
    }

    /// Returns the variables of this process that name no usable proxy and are ignored, each with the reason.
    pub fn ignored() -> &'static [(&'static str, &'static str)] {
        &Self::read().1
    }

    fn read() -> &'static (Self, Vec<(&'static str, &'static str)>) {
        static READ: OnceLock<(Proxies, Vec<(&'static str, &'static str)>)> = OnceLock::new();
        READ.get_or_init(|| Self::from_variables(|name| std::env::var(name).ok()))
    }

    /// Reads the variables. Lower-case names take precedence, and an empty variable counts as not set, as in curl. Returns also
    /// the variables that cannot be used, each with the reason.
    pub fn from_variables(value: impl Fn(&str) -> Option<String>) -> (Self, Vec<(&'static str, &'static str)>) {
        let set = |names: [&'static str; 2]| {
            let values = names.into_iter().filter_map(|name| Some((name, value(name)?)));
            values.into_iter().find(|(_, value)| !value.trim().is_empty())
        };
        let mut ignored = Vec::new();
        let mut proxy = |names| {
            let (name, text) = set(names)?;
            Proxy::parse(text.trim())
                .map_err(|reason| ignored.push((name, reason)))
                .ok()
        };
        let (http, https) = (
            proxy(["http_proxy", "HTTP_PROXY"]),
            proxy(["https_proxy", "HTTPS_PROXY"]),
        );
        let all = match (&http, &https) {
            (Some(_), Some(_)) => None,
            (_, _) => proxy(["all_proxy", "ALL_PROXY"]),
        };
        let exceptions = set(["no_proxy", "NO_PROXY"]).map(|(_, list)| Exceptions::parse(&list));
        let proxies = Self {
            http: http.or_else(|| all.clone()),
            https: https.or(all),
            exceptions: exceptions.unwrap_or_default(),
        };
        (proxies, ignored)
    }

    /// Returns the proxies, each once.
    pub fn all(&self) -> impl Iterator<Item = &Proxy> {
        let https = self.https.as_ref().filter(|https| self.http.as_ref() != Some(https));
        self.http.iter().chain(https)
    }

    /// Returns the proxy for a URL, or `None` if its host is reached directly.
    pub fn proxy_for(&self, uri: &Uri) -> Option<&Proxy> {
        let proxy = match uri.scheme_str() {
            Some("http") => self.http.as_ref(),
            Some("https") => self.https.as_ref(),
            Some(_) | None => None,
        };
        proxy.filter(|_| !self.exceptions.contain(uri.host().unwrap_or_default(), port(uri)))
    }
}

impl Proxy {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let text = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = Url::parse(&text).map_err(|_| "must be the URL of a proxy, such as http://proxy:3128")?;
        if url.scheme() != "http" {
            return Err("must be an http URL: only HTTP proxies are supported");
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((decoded(user), decoded(password.unwrap_or_default()))),
        };
        let host = url.host_str().unwrap_or_default();
        let uri = format!("http://{host}:{}", url.port_or_known_default().unwrap_or(80));
        let uri = uri.parse().map_err(|_| "must have a host")?;
        Ok(Self { uri, user })
    }

    /// Returns the value of `Proxy-Authorization`.
    pub fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.user.as_ref()?;
        basic(user, password)
    }

    /// Returns the URL with user and password, for clients that take it as one text.
    pub fn to_url(&self) -> Option<Url> {
        let mut url = Url::parse(&self.uri.to_string()).ok()?;
        if let Some((user, password)) = &self.user {
            url.set_username(user).ok()?;
            url.set_password(Some(password)).ok()?;
        }
        Some(url)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// Returns the value of a header for basic authentication, which is not logged.
pub fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the port of a URL, or that of its scheme.
fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let value = |name: &str| {
            let found = variables.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Proxies::from_variables(value).0
    }

    fn proxy(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let uri = url.parse().expect("a URL");
        proxies(variables).proxy_for(&uri).map(|proxy| proxy.uri.to_string())
    }

    #[test]
    fn variables_name_proxies_in_either_case() {
        let (http, https, all) = (
            ("HTTP_PROXY", "http://h:1"),
            ("HTTPS_PROXY", "s:2"),
            ("ALL_PROXY", "http://a"),
        );
        for (variables, to_http, to_https) in [
            (&[][..], None, None),
            (&[http], Some("http://h:1/"), None),
            (&[https], None, Some("http://s:2/")),
            (&[all], Some("http://a:80/"), Some("http://a:80/")),
            (&[http, all], Some("http://h:1/"), Some("http://a:80/")),
            (&[("http_proxy", "l:3"), http], Some("http://l:3/"), None),
            (&[("http_proxy", ""), http], Some("http://h:1/"), None),
            (&[("HTTP_PROXY", ""), ("HTTPS_PROXY", "")], None, None),
            (&[all, ("NO_PROXY", "*")], None, None),
            (&[all, ("no_proxy", "example.com")], None, None),
            (&[("ALL_PROXY", "socks5://a:1080")], None, None),
        ] {
            let expected = (to_http.map(str::to_owned), to_https.map(str::to_owned));
            let both = (
                proxy(variables, "http://example.com"),
                proxy(variables, "https://example.com:8443/a"),
            );
            assert_eq!(both, expected, "{variables:?}");
        }
    }

    #[test]
    fn unusable_proxy_is_reported_without_its_password() {
        for wrong in ["socks5://me:hush@a:1080", "https://a", "http://a:hush:b"] {
            let (_, ignored) = Proxies::from_variables(|name| (name == "HTTPS_PROXY").then(|| wrong.to_owned()));
            assert_eq!(ignored.len(), 1, "{wrong}");
            assert!(!format!("{ignored:?}").contains("hush"), "{ignored:?}");
        }
    }

    #[test]
    fn loopback_and_link_local_hosts_are_reached_directly() {
        let all = [("ALL_PROXY", "http://me:hu%40sh@proxy:3128")];
        for direct in [
            "http://localhost:9000",
            "http://LocalHost",
            "http://a.localhost",
            "http://localhost.",
            "http://127.0.0.1:9000",
            "https://127.8.9.10",
            "http://[::1]:9000",
            "http://[::ffff:127.0.0.1]",
            "http://0.0.0.0:9000",
            "http://[::]:9000",
            "http://169.254.169.254/latest",
            "http://[fe80::1]",
            "http://[fd00:ec2::254]/latest",
        ] {
            assert_eq!(proxy(&all, direct), None, "{direct}");
        }
        for proxied in [
            "http://localhost.example.com",
            "http://10.0.0.1",
            "http://[2001:db8::1]",
            "https://store",
        ] {
            assert_eq!(proxy(&all, proxied).as_deref(), Some("http://proxy:3128/"), "{proxied}");
        }
        let proxies = proxies(&all);
        let proxy = proxies.proxy_for(&"http://a".parse().expect("a URL")).expect("a proxy");
        assert!(!format!("{proxies:?}").contains("hu"), "{proxies:?}");
        let expected = format!("Basic {}", STANDARD.encode("me:hu@sh"));
        assert_eq!(proxy.authorization().expect("a value"), expected.as_str());
        assert_eq!(proxy.to_url().expect("a URL").as_str(), "http://me:hu%40sh@proxy:3128/");
    }
}
