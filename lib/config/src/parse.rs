//! Parsers for values that several settings share. A parser of one setting is beside its declaration.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

/// The maximum duration, a hundred years. A greater number is a typing error, and would overflow dates.
const MAX_SECONDS: u64 = 100 * 365 * 86_400;

/// The maximum count, more than a machine has file descriptors.
const MAX_COUNT: usize = 10_000_000;

/// Accepts any text, as a string or a path.
///
/// # Errors
/// Never.
pub fn text<T: for<'a> From<&'a str>>(text: &str) -> Result<T, Infallible> {
    Ok(text.into())
}

/// Parses a whole number of seconds.
///
/// # Errors
/// The rule that it breaks.
pub fn seconds(text: &str) -> Result<Duration, String> {
    seconds_from(0, text)
}

fn seconds_from(min: u64, text: &str) -> Result<Duration, String> {
    let seconds: Option<u64> = text.parse().ok();
    seconds
        .filter(|seconds| (min..=MAX_SECONDS).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| format!("must be a whole number of seconds, {min} to {MAX_SECONDS}"))
}

/// Parses a positive whole number of seconds.
///
/// # Errors
/// The rule that it breaks.
pub fn timeout(text: &str) -> Result<Duration, String> {
    seconds_from(1, text)
}

/// Parses `true` or `false`.
///
/// # Errors
/// The rule that it breaks.
pub fn boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be 'true' or 'false'")
}

/// Parses `on` or `off`.
///
/// # Errors
/// The rule that it breaks.
pub fn on_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be 'on' or 'off'"),
    }
}

/// Parses a TCP port.
///
/// # Errors
/// The rule that it breaks.
pub fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "must be a port, 0 to 65535")
}

/// Parses a positive whole number.
///
/// # Errors
/// The rule that it breaks.
pub fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=MAX_COUNT).contains(count));
    count.ok_or_else(|| format!("must be a whole number, 1 to {MAX_COUNT}"))
}

/// Parses the URL of a service, and returns it as clients write it, without a slash at the end: the host in lower case, no
/// default port, and the path percent-encoded as in signatures.
///
/// # Errors
/// The rule that it breaks.
pub fn url(text: &str) -> Result<String, &'static str> {
    match service_url(text) {
        Some((url, None)) => Ok(url),
        Some((_, Some(_))) | None => {
            Err("must be an http or https URL without user, query or fragment, such as http://localhost:3900")
        }
    }
}

/// The URL of a service, with the user and password that were in it.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlWithUser {
    /// The URL without them, as [`url()`] returns it.
    pub url: String,
    /// The user and the password, decoded.
    pub user: Option<(String, String)>,
}

impl fmt::Debug for UrlWithUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlWithUser")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Parses the URL of a service, which may have a user and a password.
///
/// # Errors
/// The rule that it breaks.
pub fn url_with_user(text: &str) -> Result<UrlWithUser, &'static str> {
    let parsed = service_url(text).map(|(url, user)| UrlWithUser { url, user });
    parsed.ok_or("must be an http or https URL without query or fragment, such as http://localhost:9091")
}

/// Returns the URL in the form that clients send, and its user and password.
fn service_url(text: &str) -> Option<(String, Option<(String, String)>)> {
    /// Everything but the unreserved characters of RFC 3986 and the slash.
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'/');

    let parsed = Url::parse(text).ok()?;
    let has_authority = parsed.scheme().len() + 3 < text.len() && text[parsed.scheme().len()..].starts_with("://");
    let is_plain = matches!(parsed.scheme(), "http" | "https")
        && has_authority
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !text[parsed.scheme().len() + 3..].starts_with('/')
        && parsed.query().is_none()
        && parsed.fragment().is_none();
    if !is_plain {
        return None;
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).ok();
    let user = match (parsed.username(), parsed.password()) {
        ("", None) => None,
        (user, password) => Some((decoded(user)?, decoded(password.unwrap_or_default())?)),
    };
    let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = decoded(parsed.path())?;
    let path = utf8_percent_encode(path.trim_end_matches('/'), RESERVED);
    Some((
        format!("{}://{}{port}{path}", parsed.scheme(), parsed.host_str()?),
        user,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_the_form_that_clients_send() {
        for (written, sent) in [
            ("http://localhost:3900", "http://localhost:3900"),
            ("http://LocalHost:9000/", "http://localhost:9000"),
            ("HTTPS://S3.Example.COM:443", "https://s3.example.com"),
            ("http://s3.example.com:80/", "http://s3.example.com"),
            ("http://s3.example.com:443/", "http://s3.example.com:443"),
            (
                "https://ref.example.co/storage/v1/s3",
                "https://ref.example.co/storage/v1/s3",
            ),
            (
                "https://Ref.example.co/Storage/v1/s3//",
                "https://ref.example.co/Storage/v1/s3",
            ),
            ("http://[0:0:0:0:0:0:0:1]:9000", "http://[::1]:9000"),
            ("http://host/a:b/c+d/%7e/e%20f", "http://host/a%3Ab/c%2Bd/~/e%20f"),
            ("http://host/a/../b/./c", "http://host/b/c"),
            ("http://127.1:9000", "http://127.0.0.1:9000"),
        ] {
            assert_eq!(url(written).as_deref(), Ok(sent), "{written}");
        }
        for wrong in [
            "",
            "localhost:3900",
            "http://",
            "http:///path",
            "http:host",
            "https:/host",
            "ftp://host",
            "http://host?a=b",
            "http://host/?",
            "http://host/#a",
            "http://user@host",
            "http://user:hush@host",
            "http://ho st",
            "http://host:99999",
            "http://host\\path",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_not_shown() {
        let parsed = url_with_user("https://me:hu%40sh@Push.example.com/p/").expect("valid");
        assert!(!format!("{parsed:?}").contains("hu"), "{parsed:?}");
        assert_eq!(parsed.url, "https://push.example.com/p");
        assert_eq!(parsed.user, Some(("me".to_owned(), "hu@sh".to_owned())));
        assert_eq!(url_with_user("http://push").expect("valid").user, None);
    }
}
