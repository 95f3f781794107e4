//! What requests to the server are held to.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::connections::{number, patience};
use super::errors::Errors;
use super::variables::Values;

const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than all that a call asks of the store may take, but for copies.
const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_MAX_CONCURRENT_REQUESTS: usize = 1024;
/// Ten thousand a second, for one caller or one address: only a fault or an attack asks that much for long.
const DEFAULT_RATE: Rate = rate(100_000, 10);
const DEFAULT_CONFIRM_RATE: Rate = rate(20_000, 10);

/// How much the server does at once, and for whom how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLimits {
    /// For the whole of a request, from its head on.
    pub body_timeout: Duration,
    /// For an answer.
    pub call_timeout: Duration,
    /// That are answered at once.
    pub max_concurrent: usize,
    /// Of each caller.
    pub caller: Option<Rate>,
    /// Of each caller's confirms.
    pub confirm: Option<Rate>,
    /// Of each address.
    pub address: Option<Rate>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            body_timeout: DEFAULT_BODY_TIMEOUT,
            call_timeout: DEFAULT_CALL_TIMEOUT,
            max_concurrent: DEFAULT_MAX_CONCURRENT_REQUESTS,
            caller: Some(DEFAULT_RATE),
            confirm: Some(DEFAULT_CONFIRM_RATE),
            address: Some(DEFAULT_RATE),
            trusted_proxies: Vec::new(),
        }
    }
}

pub(super) fn request_limits(values: &mut Values, errors: &mut Errors) -> RequestLimits {
    let default = RequestLimits::default();
    let mut rate = |name, value: &mut Option<String>, default| {
        let rate: Option<MaybeRate> = errors.parse(name, value.take());
        rate.map_or(default, |MaybeRate(rate)| rate)
    };
    let caller = rate("RATE_LIMIT", &mut values.rate_limit, default.caller);
    let confirm = rate("CONFIRM_RATE_LIMIT", &mut values.confirm_rate_limit, default.confirm);
    let address = rate("ADDRESS_RATE_LIMIT", &mut values.address_rate_limit, default.address);
    let proxies: Option<Networks> = errors.parse("TRUSTED_PROXIES", values.trusted_proxies.take());
    RequestLimits {
        body_timeout: patience("BODY_TIMEOUT", &mut values.body_timeout, default.body_timeout, errors),
        call_timeout: patience("CALL_TIMEOUT", &mut values.call_timeout, default.call_timeout, errors),
        max_concurrent: number(
            "MAX_CONCURRENT_REQUESTS",
            &mut values.max_concurrent_requests,
            default.max_concurrent,
            errors,
        ),
        caller,
        confirm,
        address,
        trusted_proxies: proxies.map(|Networks(networks)| networks).unwrap_or_default(),
    }
}

/// So many requests in that time, spread as their sender likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At most.
    pub requests: NonZeroU32,
    /// Whole seconds.
    pub window: Duration,
}

const fn rate(requests: u32, seconds: u64) -> Rate {
    Rate {
        requests: NonZeroU32::new(requests).expect("not zero"),
        window: Duration::from_secs(seconds),
    }
}

/// A day: a budget that lasts longer outlives the process that counts it.
const MAX_WINDOW: u32 = 86_400;

/// One, or `off`.
struct MaybeRate(Option<Rate>);

impl FromStr for MaybeRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let parsed = text.split_once('/').and_then(|(requests, seconds)| {
            let seconds: NonZeroU32 = seconds
                .parse()
                .ok()
                .filter(|seconds: &NonZeroU32| seconds.get() <= MAX_WINDOW)?;
            Some(Rate {
                requests: requests.parse().ok()?,
                window: Duration::from_secs(seconds.get().into()),
            })
        });
        let parsed = parsed.ok_or_else(|| {
            format!("must be 'off', or requests and seconds as in '100/60', both from 1, up to {MAX_WINDOW} seconds")
        });
        parsed.map(|rate| Self(Some(rate)))
    }
}

struct Networks(Vec<IpNet>);

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |text: &str| {
            let text = text.trim();
            let network = text
                .parse()
                .ok()
                .or_else(|| text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)));
            network.ok_or_else(|| {
                format!("must be IP addresses and networks as in '10.0.0.0/8', with commas between: {text:?} is none")
            })
        };
        text.split(',').map(network).collect::<Result<_, _>>().map(Self)
    }
}
