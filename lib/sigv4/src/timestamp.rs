//! Points in time as signatures write them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A whole second between 1970 and the end of the year 9999, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

/// The error for a time that a signature cannot state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTimestamp;

/// 9999-12-31T23:59:59Z, in seconds since 1970.
const LAST: u64 = 253_402_300_799;

const DAY: u64 = 24 * 60 * 60;

/// Days of 400 years of the Gregorian calendar.
const ERA: u64 = 146_097;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: u64 = 719_468;

impl Timestamp {
    /// Returns the timestamp so many seconds after the start of 1970.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] past the year 9999.
    pub fn from_unix_seconds(seconds: u64) -> Result<Self, InvalidTimestamp> {
        (seconds <= LAST).then_some(Self(seconds)).ok_or(InvalidTimestamp)
    }

    /// Returns the seconds since the start of 1970.
    pub fn unix_seconds(self) -> u64 {
        self.0
    }

    /// Returns the last second that a signature made at this one, and valid for so many, covers.
    pub(crate) fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds).min(LAST))
    }

    /// Formats the date as `20260131`.
    pub(crate) fn date(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}{month:02}{day:02}")
    }

    /// Formats the time as `20260131T235959Z`.
    pub(crate) fn basic(self) -> String {
        let (hours, minutes, seconds) = self.clock();
        format!("{}T{hours:02}{minutes:02}{seconds:02}Z", self.date())
    }

    /// Formats the time as `2026-01-31T23:59:59Z`.
    pub(crate) fn extended(self) -> String {
        let ((year, month, day), (hours, minutes, seconds)) = (self.civil(), self.clock());
        format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}Z")
    }

    fn clock(self) -> (u64, u64, u64) {
        let second = self.0 % DAY;
        (second / 3600, second / 60 % 60, second % 60)
    }

    /// Year, month and day, counted from March so that a leap day ends a year.
    ///
    /// Source: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
    fn civil(self) -> (u64, u64, u64) {
        let days = self.0 / DAY + EPOCH;
        let (era, day_of_era) = (days / ERA, days % ERA);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        (era * 400 + year_of_era + u64::from(month <= 2), month, day)
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = InvalidTimestamp;

    /// Drops the fraction of a second.
    fn try_from(time: SystemTime) -> Result<Self, InvalidTimestamp> {
        let since_epoch = time.duration_since(UNIX_EPOCH).map_err(|_| InvalidTimestamp)?;
        Self::from_unix_seconds(since_epoch.as_secs())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_secs(timestamp.0)
    }
}

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is not between 1970 and 9999")
    }
}

impl std::error::Error for InvalidTimestamp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_both_forms() {
        for (seconds, basic, extended) in [
            (0, "19700101T000000Z", "1970-01-01T00:00:00Z"),
            (951_782_399, "20000228T235959Z", "2000-02-28T23:59:59Z"),
            (951_782_400, "20000229T000000Z", "2000-02-29T00:00:00Z"),
            (951_868_800, "20000301T000000Z", "2000-03-01T00:00:00Z"),
            (1_700_000_001, "20231114T221321Z", "2023-11-14T22:13:21Z"),
            (1_735_689_599, "20241231T235959Z", "2024-12-31T23:59:59Z"),
            (4_107_542_399, "21000228T235959Z", "2100-02-28T23:59:59Z"),
            (4_107_542_400, "21000301T000000Z", "2100-03-01T00:00:00Z"),
            (LAST, "99991231T235959Z", "9999-12-31T23:59:59Z"),
        ] {
            let time = Timestamp::from_unix_seconds(seconds).expect("within the range");
            assert_eq!((time.basic().as_str(), time.extended().as_str()), (basic, extended));
            assert_eq!(time.date(), basic[..8]);
        }
    }

    #[test]
    fn days_follow_each_other_for_four_hundred_years() {
        let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..ERA {
            assert_eq!(Timestamp(days * DAY).civil(), (year, month, day));
            let last = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day == last) {
                (12, true) => (year + 1, 1, 1),
                (_, true) => (year, month + 1, 1),
                (_, false) => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn times_that_cannot_be_stated_are_refused() {
        assert_eq!(Timestamp::from_unix_seconds(LAST + 1), Err(InvalidTimestamp));
        assert_eq!(
            Timestamp::try_from(UNIX_EPOCH - Duration::from_secs(1)),
            Err(InvalidTimestamp)
        );
    }
}
