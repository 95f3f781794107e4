//! A schedule by cron expression.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use chrono::Utc;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use draftstore_config::settings;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

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
    /// The times on every day of the months. The scheduler needs both day fields to match, so it gets neither.
    times: String,
    /// Every second of the days.
    days: Cron,
}

/// The error of a text that is not a cron expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a cron expression of five fields that comes due, such as '0 2 * * *', or of six with seconds first")]
pub struct InvalidSchedule;

/// An error of the scheduler at its start or stop.
#[derive(Debug, thiserror::Error)]
#[error("the scheduler failed")]
pub struct ScheduleError(#[from] JobSchedulerError);

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
    ///
    /// # Errors
    /// [`ScheduleError`] when the scheduler cannot be started or stopped.
    pub async fn run<F, Fut>(&self, shutdown: CancellationToken, act: F) -> Result<(), ScheduleError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let shared = Arc::new((act, self.days.clone()));
        let active = Arc::new(Mutex::new(()));
        let last = Arc::clone(&active);
        let job = Job::new_async(&self.times, move |_, _| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let (shared, active) = (Arc::clone(&shared), Arc::clone(&active));
            Box::pin(async move {
                let (act, days) = &*shared;
                if !days.is_time_matching(&Utc::now()).unwrap_or_default() {
                    return;
                }
                if let Ok(_alone) = active.try_lock() {
                    act().await;
                } else {
                    tracing::warn!("run skipped: previous one is active");
                }
            })
        })?;
        let mut scheduler = JobScheduler::new().await?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        shutdown.cancelled().await;
        scheduler.shutdown().await?;
        drop(last.lock().await);
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let fields: Vec<_> = text.split_whitespace().collect();
        let (second, minute, hour, day, month, weekday) = match fields[..] {
            [minute, hour, day, month, weekday] => ("0", minute, hour, day, month, weekday),
            [second, minute, hour, day, month, weekday] => (second, minute, hour, day, month, weekday),
            _ => return Err(InvalidSchedule),
        };
        let parser = CronParser::builder().seconds(Seconds::Required).build();
        let parse = |text: &str| parser.parse(text).map_err(|_| InvalidSchedule);
        let schedule = Self {
            text: format!("{second} {minute} {hour} {day} {month} {weekday}"),
            times: format!("{second} {minute} {hour} * {month} *"),
            days: parse(&format!("* * * {day} {month} {weekday}"))?,
        };
        let comes_due = parse(&schedule.text)?.find_next_occurrence(&Utc::now(), false);
        comes_due.map(|_| schedule).map_err(|_| InvalidSchedule)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chrono::{DateTime, TimeDelta};

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
        let february = "2026-02-01T12:00:00Z".parse::<DateTime<Utc>>().expect("a time");
        let mut days = (0..365).map(|day| february + TimeDelta::days(day));
        let due = days
            .by_ref()
            .filter(|day| schedule.days.is_time_matching(day).expect("a day"));
        due.take(4).map(|day| day.format("%m-%d %a").to_string()).collect()
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
        let (shutdown, runs) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let count = {
            let (shutdown, runs) = (shutdown.clone(), Arc::clone(&runs));
            move || {
                runs.fetch_add(1, Ordering::Relaxed);
                shutdown.cancel();
                ready(())
            }
        };
        let schedule: Schedule = "* * * * * *".parse().expect("valid");
        schedule.run(shutdown.clone(), count.clone()).await.expect("ends");
        Schedule::every_minute().run(shutdown, count).await.expect("ends");
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }
}
