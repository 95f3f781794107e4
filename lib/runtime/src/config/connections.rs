//! What connections to the server are held to.

use std::str::FromStr;
use std::time::Duration;

use super::errors::Errors;
use super::values::Seconds;
use super::variables::Values;

const DEFAULT_HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than the 60 seconds that load balancers keep a connection for: whoever reuses one must not find it closing.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Each takes a descriptor, and some tens of KiB where it is busy.
const DEFAULT_MAX_CONNECTIONS: usize = 4096;

/// How patient the server is with its connections, and with how many, of both ports together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// For a TLS handshake, for the head of a request, for the answer to a ping.
    pub header_timeout: Duration,
    /// For a client that does not go on reading an answer.
    pub write_timeout: Duration,
    /// Without a request.
    pub idle_timeout: Duration,
    /// At once.
    pub max_connections: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            header_timeout: DEFAULT_HEADER_TIMEOUT,
            write_timeout: DEFAULT_WRITE_TIMEOUT,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            max_connections: DEFAULT_MAX_CONNECTIONS,
        }
    }
}

pub(super) fn connection_limits(values: &mut Values, errors: &mut Errors) -> ConnectionLimits {
    let default = ConnectionLimits::default();
    ConnectionLimits {
        header_timeout: patience(
            "HEADER_TIMEOUT",
            &mut values.header_timeout,
            default.header_timeout,
            errors,
        ),
        write_timeout: patience(
            "WRITE_TIMEOUT",
            &mut values.write_timeout,
            default.write_timeout,
            errors,
        ),
        idle_timeout: patience("IDLE_TIMEOUT", &mut values.idle_timeout, default.idle_timeout, errors),
        max_connections: number(
            "MAX_CONNECTIONS",
            &mut values.max_connections,
            default.max_connections,
            errors,
        ),
    }
}

/// The variable's time, or the default.
pub(super) fn patience(name: &str, value: &mut Option<String>, default: Duration, errors: &mut Errors) -> Duration {
    let seconds: Option<Seconds> = errors.parse(name, value.take());
    if seconds == Some(Seconds(0)) {
        errors.add(format!("{name}: must be at least 1 second"));
    }
    seconds.map_or(default, Seconds::duration)
}

/// The variable's number, or the default.
pub(super) fn number(name: &str, value: &mut Option<String>, default: usize, errors: &mut Errors) -> usize {
    let number: Option<Number> = errors.parse(name, value.take());
    number.map_or(default, |Number(number)| number)
}

/// How many there may be at once.
struct Number(usize);

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| (1..=MAX_NUMBER).contains(number));
        number
            .map(Self)
            .ok_or_else(|| format!("must be a whole number, 1 to {MAX_NUMBER}"))
    }
}

/// More than a machine has descriptors for.
const MAX_NUMBER: usize = 10_000_000;
