//! A schedule by cron expression.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use draftstore_config::settings;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The longest sleep before the clock is read again, which may have been set meanwhile.
const MAX_SLEEP: Duration = Duration::from_secs(60);

settings! {
    /// The settings of the schedule.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ScheduleSettings in "Sweep" {
        /// The schedule of sweeps: a cron expression in UTC, of five fields, or of six with seconds first. If both day
        /// fields are restricted, a day that matches either is due.
        pub cleanup: Option<Schedule> = "CLEANUP_SCHEDULE",
            unset "cronjob: sweep once; server: every minute on the embedded store, else never", str::parse;
    }
}

/// A cron expression in UTC, of five fields as in Kubernetes, or of six with seconds first. If both day fields are restricted, it
/// is due on a day that matches either of them, as in cron.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    text: String,
    cron: Cron,
}

/// The error of a text that is not a cron expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a cron expression of five fields that comes due, such as '0 2 * * *', or of six with seconds first")]
pub struct InvalidSchedule;

impl Schedule {
    /// Returns the schedule of once per minute.
    ///
    /// # Panics
    /// Never, since the expression is valid.
    pub fn every_minute() -> Self {
        "* * * * *".parse().expect("a cron expression")
    }

    /// Calls `act` at each due time until `shutdown`. Calls never overlap: a due time is skipped while the previous
    /// call is running. Returns after the last call has ended.
    pub async fn run<F, Fut>(&self, shutdown: CancellationToken, act: F)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = ()>,
    {
        let mut due = self.next_after(SystemTime::now());
        loop {
            // The remaining time is zero once the due time has come.
            let remaining = due.map_or(MAX_SLEEP, |due| {
                due.duration_since(SystemTime::now()).unwrap_or_default()
            });
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = sleep(remaining.min(MAX_SLEEP)) => {}
            }
            let Some(at) = due.filter(|due| *due <= SystemTime::now()) else {
                continue;
            };
            act().await;
            let now = SystemTime::now();
            if self.next_after(at).is_some_and(|next| next < now) {
                tracing::warn!("run skipped: previous one was active");
            }
            due = self.next_after(now);
        }
    }

    /// Returns the first due time after this time, or `None` if there is none.
    fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        let next = self.cron.find_next_occurrence(&DateTime::<Utc>::from(time), false);
        next.ok().map(SystemTime::from)
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let text = match text.split_whitespace().count() {
            5 => format!("0 {text}"),
            6 => text.to_owned(),
            _ => return Err(InvalidSchedule),
        };
        let cron = CronParser::builder().seconds(Seconds::Required).build().parse(&text);
        let schedule = Self {
            cron: cron.map_err(|_| InvalidSchedule)?,
            text,
        };
        let comes_due = schedule.next_after(SystemTime::UNIX_EPOCH).is_some();
        comes_due.then_some(schedule).ok_or(InvalidSchedule)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn schedules_have_five_fields_or_six_with_seconds() {
        for (text, with_seconds) in [
            ("0 2 * * *", "0 0 2 * * *"),
            ("*/5 * * * *", "0 */5 * * * *"),
            ("*/10 * * * * *", "*/10 * * * * *"),
        ] {
            let schedule: Schedule = text.parse().expect(text);
            assert_eq!(schedule.to_string(), with_seconds);
        }
        for bad in [
            "",
            "* * * *",
            "61 * * * *",
            "0 25 * * *",
            "hourly",
            "a b c d e",
            "0 0 30 2 *",
        ] {
            assert_eq!(bad.parse::<Schedule>(), Err(InvalidSchedule), "{bad}");
        }
    }

    /// Returns the first due days after 2026-01-31, which is a Saturday.
    fn days(text: &str) -> Vec<String> {
        let schedule: Schedule = text.parse().expect(text);
        let mut time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_817_600 + 86_399);
        let mut days: Vec<String> = Vec::new();
        while days.len() < 4 {
            time = schedule.next_after(time).expect("it comes due");
            let day = DateTime::<Utc>::from(time).format("%m-%d %a").to_string();
            if days.last() != Some(&day) {
                days.push(day);
            }
        }
        days
    }

    #[test]
    fn either_day_field_is_enough_if_both_are_restricted() {
        for (text, expected) in [
            ("* * 13 * 0", ["02-01 Sun", "02-08 Sun", "02-13 Fri", "02-15 Sun"]),
            ("0 2 13 * SUN", ["02-01 Sun", "02-08 Sun", "02-13 Fri", "02-15 Sun"]),
            ("30 0 2 1,15 * 5", ["02-01 Sun", "02-06 Fri", "02-13 Fri", "02-15 Sun"]),
            ("0 2 13 * *", ["02-13 Fri", "03-13 Fri", "04-13 Mon", "05-13 Wed"]),
            ("0 2 * * 0", ["02-01 Sun", "02-08 Sun", "02-15 Sun", "02-22 Sun"]),
            ("0 2 * * 7", ["02-01 Sun", "02-08 Sun", "02-15 Sun", "02-22 Sun"]),
            ("0 2 ? * 0", ["02-01 Sun", "02-08 Sun", "02-15 Sun", "02-22 Sun"]),
            ("0 2 3-4 * 1-2", ["02-02 Mon", "02-03 Tue", "02-04 Wed", "02-09 Mon"]),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn act_runs_when_due_and_never_after_shutdown() {
        let (shutdown, runs) = (CancellationToken::new(), Cell::new(0));
        let schedule: Schedule = "* * * * * *".parse().expect("valid");
        let act = async || {
            runs.set(runs.get() + 1);
            shutdown.cancel();
        };
        schedule.run(shutdown.clone(), act).await;
        assert_eq!(runs.get(), 1);
        Schedule::every_minute()
            .run(shutdown.clone(), async || runs.set(0))
            .await;
        assert_eq!(runs.get(), 1);
    }
}
