//! Parsers for values that several settings share. A parser of one setting is beside its declaration.

use std::convert::Infallible;
use std::time::Duration;

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
    let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_SECONDS);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("must be a whole number of seconds, 0 to {MAX_SECONDS}"))
}

/// Parses a positive whole number of seconds.
///
/// # Errors
/// The rule that it breaks.
pub fn timeout(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("must be at least 1 second".to_owned()),
        timeout => Ok(timeout),
    }
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

/// Parses the URL of a service, and returns it without a slash at the end.
///
/// # Errors
/// The rule that it breaks.
pub fn url(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(|b| b.is_ascii_graphic() && !b"?#@".contains(&b))
    });
    if is_plain {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("must be an http or https URL without user, query or fragment, such as http://localhost:3900")
    }
}
