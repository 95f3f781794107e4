//! The settings of request limits.

use std::time::Duration;

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};
use draftstore_connections::Quota;
use tokio_util::sync::CancellationToken;

use super::GateConfig;
use super::rates::RateLimits;

settings! {
    #[derive(Debug)]
    struct RequestSettings in "Requests" {
        /// Seconds for a whole request, from its head on.
        body_timeout: Duration = "BODY_TIMEOUT", default "30", parse::timeout;
        // Longer than the calls to the store that a request may need, except copies.
        /// Seconds for the response, except of calls whose time is that of their work in the store: confirms, completed uploads, checks, copies, moves, updates, restores, deletes of several objects, redelivered events. Streams of reflection end then, and those that watch health after an hour.
        call_timeout: Duration = "CALL_TIMEOUT", default "60", parse::timeout;
        /// Seconds for a stream that watches a draft or the feed. Its caller then begins another.
        watch_timeout: Duration = "WATCH_TIMEOUT", default "300", parse::timeout;
        /// The maximum number of streams that each caller has at once. Each address has at most an eighth of MAX_CONNECTIONS_PER_ADDRESS.
        max_streams: usize = "MAX_STREAMS_PER_CALLER", default "1024", parse::count;
        /// The maximum number of calls that are processed at once; more are refused with 503.
        max_concurrent: usize = "MAX_CONCURRENT_REQUESTS", default "1024", parse::count;
        // Ten thousand a second: only a fault or an attack needs that much for long.
        /// The rate limit of each caller, as requests/seconds; `off`: no limit.
        caller: Option<Quota> = "RATE_LIMIT", default "100000/10", Quota::or_off;
        /// The rate limit of each caller's confirms, where a batch counts as many as it has drafts; `off`: no limit.
        confirm: Option<Quota> = "CONFIRM_RATE_LIMIT", default "20000/10", Quota::or_off;
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
                confirm: settings.confirm,
            },
            max_concurrent: settings.max_concurrent,
            body_timeout: settings.body_timeout,
            call_timeout: settings.call_timeout,
            watch_timeout: settings.watch_timeout,
            max_streams: settings.max_streams,
            audit: false,
            audit_failing: None,
            stopped: CancellationToken::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<GateConfig, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let limits = GateConfig::load(&mut environment);
        environment.finish(limits).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_of_requests_are_read() {
        let limits = load(&[
            ("BODY_TIMEOUT", "1"),
            ("CALL_TIMEOUT", "2"),
            ("MAX_CONCURRENT_REQUESTS", "3"),
            ("RATE_LIMIT", "100/60"),
            ("CONFIRM_RATE_LIMIT", "off"),
        ])
        .expect("valid");
        assert_eq!((limits.body_timeout.as_secs(), limits.call_timeout.as_secs()), (1, 2));
        assert_eq!(limits.max_concurrent, 3);
        assert_eq!(limits.rates.caller, "100/60".parse().ok());
        assert_eq!(limits.rates.confirm, None);
        for wrong in ["0/1", "1/0", "100", "1/86401", "-1/1", "many/1", "100/60s", "Off"] {
            let error = load(&[("RATE_LIMIT", wrong)]).expect_err("refused");
            assert!(error.contains("RATE_LIMIT:"), "{error}");
        }
    }
}
