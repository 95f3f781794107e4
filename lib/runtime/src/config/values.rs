//! Values that several variables have.

use std::str::FromStr;
use std::time::Duration;

/// A draft may live a hundred years: more is a slip of the hand, and would overflow dates.
const MAX_SECONDS: u64 = 100 * 365 * 86_400;

/// A whole number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seconds(pub(super) u64);

impl Seconds {
    pub(super) fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_SECONDS);
        seconds
            .map(Self)
            .ok_or_else(|| format!("must be a whole number of seconds, 0 to {MAX_SECONDS}"))
    }
}

/// On or off.
pub(super) struct OnOff(pub(super) bool);

impl FromStr for OnOff {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self(true)),
            "off" => Ok(Self(false)),
            _ => Err("must be 'on' or 'off'"),
        }
    }
}

/// Yes or no.
pub(super) struct Switch(pub(super) bool);

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "must be 'true' or 'false'")
    }
}
