//! The state of an endpoint, which decides if anything is sent to it now.

use std::time::{Duration, SystemTime};

/// The pauses after the first failure of an endpoint, and after many in a row.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];

/// The longest pause that an endpoint can ask for by `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The outcome of an attempt to send an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The endpoint has acknowledged the event.
    Delivered,
    /// The endpoint refused the event, or did not answer. It may ask to wait.
    Failed {
        /// The time that the endpoint asks to wait.
        retry_after: Option<Duration>,
    },
    /// The endpoint wants no events any more.
    Gone,
}

/// The state of an endpoint, as one server knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum EndpointState {
    /// The last attempt succeeded, or there was none.
    #[default]
    Working,
    /// The last attempts failed. Nothing is sent until the pause is over.
    Paused {
        /// The number of failures in a row.
        failures: u32,
        /// The end of the pause.
        until: SystemTime,
    },
    /// The endpoint wants no events any more. Nothing is sent until it is configured anew.
    Disabled,
}

impl EndpointState {
    /// Returns true if something may be sent to the endpoint now.
    pub fn may_send(self, now: SystemTime) -> bool {
        match self {
            Self::Working => true,
            Self::Paused { until, .. } => until <= now,
            Self::Disabled => false,
        }
    }

    /// Returns the state after an attempt that began at `began` and ended at `now`. `jitter`, from 0 to 1, spreads the pauses
    /// of several servers.
    ///
    /// Attempts that fail side by side are one failure: no attempt begins during a pause, so one that began before its end
    /// began before the pause.
    #[must_use]
    pub fn after(self, outcome: Outcome, began: SystemTime, now: SystemTime, jitter: f64) -> Self {
        let retry_after = match outcome {
            _ if self == Self::Disabled => return self,
            Outcome::Delivered => return Self::Working,
            Outcome::Gone => return Self::Disabled,
            Outcome::Failed { retry_after } => retry_after.unwrap_or_default().min(MAX_RETRY_AFTER),
        };
        let failed = match self {
            Self::Paused { failures, until } if began < until => {
                return Self::Paused {
                    failures,
                    until: until.max(now + retry_after),
                };
            }
            Self::Paused { failures, .. } => failures,
            Self::Working | Self::Disabled => 0,
        };
        let [shortest, longest] = PAUSES;
        let pause = shortest.saturating_mul(1 << failed.min(16)).min(longest);
        let pause = pause.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        Self::Paused {
            failures: failed.saturating_add(1),
            until: now + pause.max(retry_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const FAILED: Outcome = Outcome::Failed { retry_after: None };

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_double_up_to_five_minutes_and_end_with_a_success() {
        let mut state = EndpointState::default();
        let mut now = at(1000);
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert!(state.may_send(now));
            state = state.after(FAILED, now, now, 1.0);
            assert!(
                !state.may_send(now + Duration::from_secs(seconds) - Duration::from_millis(1)),
                "{seconds}"
            );
            now += Duration::from_secs(seconds);
        }
        assert_eq!(state.after(Outcome::Delivered, now, now, 1.0), EndpointState::Working);
        let [early, late] = [0.0, 1.0].map(|jitter| EndpointState::Working.after(FAILED, now, now, jitter));
        assert_ne!(early, late);
    }

    #[test]
    fn attempts_that_fail_side_by_side_are_one_failure() {
        let mut state = EndpointState::Working;
        for _ in 0..100 {
            state = state.after(FAILED, at(0), at(1), 1.0);
        }
        assert!(!state.may_send(at(1)) && state.may_send(at(2)));
        let next = state.after(FAILED, at(2), at(2), 1.0);
        assert!(!next.may_send(at(3)) && next.may_send(at(4)));
    }

    #[test]
    fn endpoint_can_ask_for_a_longer_pause_of_at_most_a_day() {
        let asked = |seconds| Outcome::Failed {
            retry_after: Some(Duration::from_secs(seconds)),
        };
        let state = EndpointState::Working.after(asked(120), at(0), at(0), 1.0);
        assert!(!state.may_send(at(119)) && state.may_send(at(120)));
        assert!(
            !state.after(FAILED, at(0), at(1), 1.0).may_send(at(119)),
            "another failure does not shorten it"
        );
        assert!(!state.after(asked(600), at(0), at(1), 1.0).may_send(at(600)));
        let state = EndpointState::Working.after(asked(u64::MAX), at(0), at(0), 1.0);
        assert!(state.may_send(at(86_400)));
        let state = EndpointState::Working.after(asked(0), at(0), at(0), 1.0);
        assert!(!state.may_send(at(0)));
    }

    #[test]
    fn endpoint_that_is_gone_stays_disabled() {
        let gone = EndpointState::Working.after(Outcome::Gone, at(0), at(0), 1.0);
        assert_eq!(gone, EndpointState::Disabled);
        assert!(!gone.may_send(at(u64::from(u32::MAX))));
        assert_eq!(
            gone.after(Outcome::Delivered, at(1), at(1), 1.0),
            EndpointState::Disabled
        );
    }
}
