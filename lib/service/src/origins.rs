//! The origins of web pages that may use the API and the draft bucket.

use std::str::FromStr;
use std::sync::Arc;

use draftstore_storage::CorsRule;

/// A list of origins, of patterns such as `https://*.example.com`, or `*` for any. May be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Arc<Vec<String>>);

/// The error for a string that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin: it must be '*', or a scheme and a host without a path, such as https://app.example.com, \
     https://*.example.com or capacitor://localhost"
)]
pub struct InvalidOrigin(String);

/// The schemes of URLs whose pages have no origin of their own, so that browsers send `null`.
const WITHOUT_ORIGIN: [&str; 8] = ["about", "blob", "data", "file", "ftp", "javascript", "ws", "wss"];

impl AllowedOrigins {
    /// Adds an origin to the list.
    ///
    /// # Errors
    /// Returns [`InvalidOrigin`] if the string is not an origin.
    pub fn with(mut self, origin: &str) -> Result<Self, InvalidOrigin> {
        let folded = folded(origin).ok_or_else(|| InvalidOrigin(origin.to_owned()))?;
        Arc::make_mut(&mut self.0).push(folded);
        Ok(self)
    }

    /// Returns true if a page of this origin, as its browser sends it, is allowed.
    pub fn allows(&self, origin: &str) -> bool {
        self.0.iter().any(|allowed| match allowed.split_once('*') {
            Some((before, after)) => {
                let inner = origin.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                allowed == "*" || inner.is_some_and(is_inner)
            }
            None => allowed == origin,
        })
    }

    /// Returns true if every origin is allowed.
    pub fn allows_any(&self) -> bool {
        self.0.iter().any(|origin| origin == "*")
    }

    /// Returns the origins in the form in which browsers send them.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Returns the CORS rule for a bucket, or `None` if no origin is allowed. Stores know patterns with one `*` too.
    pub(crate) fn cors_rule(&self) -> Option<CorsRule> {
        let allowed_origins = self.0.to_vec();
        (!allowed_origins.is_empty()).then_some(CorsRule { allowed_origins })
    }
}

impl FromStr for AllowedOrigins {
    type Err = InvalidOrigin;

    /// Parses a list of origins that are separated by commas.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins.into_iter().try_fold(Self::default(), Self::with)
    }
}

/// Returns an origin or a pattern as browsers send it, or `None` if it is neither.
///
/// Source: RFC 6454, section 6.2, and <https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin>
fn folded(text: &str) -> Option<String> {
    if text == "*" {
        return Some(text.to_owned());
    }
    let (scheme, authority) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(is_allowed);
    if !is_scheme || WITHOUT_ORIGIN.contains(&scheme.as_str()) {
        return None;
    }
    let default_port = match scheme.as_str() {
        "http" => "80",
        "https" => "443",
        // Web views and extensions, whose hosts are not folded.
        _ => {
            let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_:".contains(&b);
            let is_host = !authority.is_empty() && authority.bytes().all(is_allowed);
            return is_host.then(|| format!("{scheme}://{authority}"));
        }
    };
    let authority = authority.to_ascii_lowercase();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (authority.as_str(), None),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    if !is_port || !is_host(host) {
        return None;
    }
    let port = port.filter(|port| *port != default_port);
    Some(match port {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

/// Returns true for a host in lower case, an address, or a pattern that stays within a domain: what follows the `*` begins with
/// a dot or a hyphen, and has a dot within.
fn is_host(host: &str) -> bool {
    let in_name = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']');
        return address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    match host.split_once('*') {
        Some((before, after)) => {
            let domain = after.strip_prefix(['.', '-']).unwrap_or_default();
            let is_domain = domain == "localhost" || domain.trim_matches('.').contains('.');
            is_domain && before.bytes().chain(after.bytes()).all(in_name)
        }
        None => !host.is_empty() && host.bytes().all(in_name),
    }
}

/// Returns true for what the `*` of a pattern may stand for: one label or more, without a port or a scheme.
fn is_inner(text: &str) -> bool {
    let in_labels = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    !text.is_empty() && text.bytes().all(in_labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_the_form_that_browsers_send() {
        for (written, sent) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://App.Example.com", "https://app.example.com"),
            ("HTTPS://app.example.com:443", "https://app.example.com"),
            ("http://app.example.com:80", "http://app.example.com"),
            ("http://app.example.com:443", "http://app.example.com:443"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://*.Example.com:443", "https://*.example.com"),
            ("https://app-*.example.com", "https://app-*.example.com"),
            ("http://*.localhost:8080", "http://*.localhost:8080"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("ionic://localhost", "ionic://localhost"),
            ("tauri://localhost", "tauri://localhost"),
            ("app://.", "app://."),
            (
                "Chrome-Extension://abcdefghijklmnop",
                "chrome-extension://abcdefghijklmnop",
            ),
            ("moz-extension://0b5a-1c", "moz-extension://0b5a-1c"),
            ("*", "*"),
        ] {
            let origins: AllowedOrigins = written.parse().expect(written);
            assert_eq!(origins.as_slice(), [sent], "{written}");
            assert!(sent.contains('*') || origins.allows(sent), "{written}");
        }
        assert_eq!("".parse(), Ok(AllowedOrigins::default()));
        let list: AllowedOrigins = " https://a , http://b,".parse().expect("valid");
        assert_eq!(list.as_slice(), ["https://a", "http://b"]);
    }

    #[test]
    fn what_is_no_origin_is_rejected() {
        for wrong in [
            "app.example.com",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://a@b",
            "https://a:b",
            "https://a:080",
            "https://",
            "ftp://a",
            "file://",
            "null",
            "://a",
            "capacitor://",
            "https://*",
            "https://*.com",
            "https://*example.com",
            "https://*.*.example.com",
            "https://a.*",
            "capacitor://*",
            "https://a b",
        ] {
            assert!(wrong.parse::<AllowedOrigins>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn patterns_allow_what_is_within_the_domain() {
        let origins: AllowedOrigins = "https://*.example.com,https://app-*.example.org:8443"
            .parse()
            .expect("valid");
        for (origin, expected) in [
            ("https://a.example.com", true),
            ("https://a.b.example.com", true),
            ("https://example.com", false),
            ("https://.example.com", false),
            ("http://a.example.com", false),
            ("https://a.example.com:8443", false),
            ("https://evil.com/.example.com", false),
            ("https://evil.com:1.example.com", false),
            ("https://aexample.com", false),
            ("https://app-1.example.org:8443", true),
            ("https://app-.example.org:8443", false),
            ("null", false),
        ] {
            assert_eq!(origins.allows(origin), expected, "{origin}");
        }
        let any: AllowedOrigins = "*".parse().expect("valid");
        assert!(any.allows_any() && any.allows("null") && any.allows("https://a"));
        assert!(!origins.allows_any());
    }
}
