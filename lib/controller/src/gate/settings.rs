//! The settings of request limits.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};
use ipnet::IpNet;

use super::GateConfig;
use super::rate_limiter::Quota;
use super::rates::RateLimits;

/// The maximum window of a rate limit, in seconds: one day. The counts are lost when the process ends.
const MAX_WINDOW: u32 = 86_400;

settings! {
    #[derive(Debug)]
    struct RequestSettings in "Requests" {
        /// Seconds for a whole request, from its head on.
        body_timeout: Duration = "BODY_TIMEOUT", default "30", parse::timeout;
        // Longer than the calls to the store that a request may need, except copies.
        /// Seconds for the response, except of confirms and of completing a multipart upload.
        call_timeout: Duration = "CALL_TIMEOUT", default "60", parse::timeout;
        /// The maximum number of calls that are processed at once; more are refused with 503.
        max_concurrent: usize = "MAX_CONCURRENT_REQUESTS", default "1024", parse::count;
        // Ten thousand a second: only a fault or an attack needs that much for long.
        /// The rate limit of each caller, as requests/seconds; `off`: no limit.
        caller: Option<Quota> = "RATE_LIMIT", default "100000/10", rate;
        /// The rate limit of each caller's confirms, where a batch counts as many as it has drafts; `off`: no limit.
        confirm: Option<Quota> = "CONFIRM_RATE_LIMIT", default "20000/10", rate;
        /// The rate limit of each IP address (of each /64 in IPv6), before authentication; `off`: no limit.
        address: Option<Quota> = "ADDRESS_RATE_LIMIT", default "100000/10", rate;
        /// The IP addresses and networks of proxies whose `X-Forwarded-For` is trusted, with commas between.
        trusted_proxies: Option<Networks> = "TRUSTED_PROXIES", unset "none", networks;
    }
}

impl GateConfig {
    /// The description of the settings.
    pub const SECTION: Section = RequestSettings::SECTION;

    /// Reads the limits.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Self, Invalid> {
        let settings: RequestSettings = environment.load()?;
        Ok(Self {
            rates: RateLimits {
                caller: settings.caller,
                address: settings.address,
                confirm: settings.confirm,
                trusted_proxies: settings.trusted_proxies.unwrap_or_default(),
            },
            max_concurrent: settings.max_concurrent,
            body_timeout: settings.body_timeout,
            call_timeout: settings.call_timeout,
            audit: false,
        })
    }
}

type Networks = Vec<IpNet>;

/// Parses a rate limit; `None` is no limit.
fn rate(text: &str) -> Result<Option<Quota>, String> {
    if text == "off" {
        return Ok(None);
    }
    let quota = text.split_once('/').and_then(|(requests, seconds)| {
        let seconds: NonZeroU32 = seconds.parse().ok()?;
        let window = Duration::from_secs(seconds.get().into());
        (seconds.get() <= MAX_WINDOW).then_some(Quota::new(requests.parse().ok()?, window))
    });
    quota.map(Some).ok_or_else(|| {
        format!("must be 'off', or requests and seconds as in '100/60', both from 1, up to {MAX_WINDOW} seconds")
    })
}

fn networks(text: &str) -> Result<Networks, String> {
    let network = |text: &str| {
        let text = text.trim();
        let address = || text.parse().map(|address: IpAddr| IpNet::from(address));
        text.parse().or_else(|_| address()).map_err(|_| {
            format!("must be IP addresses and networks as in '10.0.0.0/8', with commas between: {text:?} is neither")
        })
    };
    text.split(',').map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<GateConfig, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let limits = GateConfig::load(&mut environment);
        environment.finish(limits).map_err(|error| error.to_string())
    }

    fn quota(requests: u32, seconds: u64) -> Option<Quota> {
        NonZeroU32::new(requests).map(|requests| Quota::new(requests, Duration::from_secs(seconds)))
    }

    #[test]
    fn request_limits_are_read() {
        let limits = load(&[
            ("BODY_TIMEOUT", "1"),
            ("CALL_TIMEOUT", "2"),
            ("MAX_CONCURRENT_REQUESTS", "3"),
            ("RATE_LIMIT", "100/60"),
            ("CONFIRM_RATE_LIMIT", "off"),
            ("ADDRESS_RATE_LIMIT", "1/86400"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,fd00::/8"),
        ])
        .expect("valid");
        assert_eq!((limits.body_timeout.as_secs(), limits.call_timeout.as_secs()), (1, 2));
        assert_eq!(limits.max_concurrent, 3);
        assert_eq!(limits.rates.caller, quota(100, 60));
        assert_eq!(limits.rates.confirm, None);
        assert_eq!(limits.rates.address, quota(1, 86_400));
        let proxies: Vec<_> = limits.rates.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
        for wrong in ["0/1", "1/0", "100", "1/86401", "-1/1", "many/1", "100/60s", "Off"] {
            let error = load(&[("RATE_LIMIT", wrong)]).expect_err("refused");
            assert!(error.contains("RATE_LIMIT:"), "{error}");
        }
        for wrong in ["10.0.0.0/33", "proxy", "10.0.0.1,"] {
            let error = load(&[("TRUSTED_PROXIES", wrong)]).expect_err("refused");
            assert!(error.contains("TRUSTED_PROXIES:"), "{error}");
        }
    }
}
