//! A schedule by cron expression.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use draftstore_config::settings;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

settings! {
    /// The settings of the schedule.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ScheduleSettings in "Sweep" {
        /// The schedule of sweeps: a cron expression in UTC, of five fields, or of six with seconds first.
        pub cleanup: Option<Schedule> = "CLEANUP_SCHEDULE",
            unset "cronjob: sweep once; server: every minute on the embedded store, else never", str::parse;
    }
}

/// A cron expression in UTC, of five fields as in Kubernetes, or of six with seconds first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(String);

/// The error of a text that is not a cron expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a cron expression of five fields, such as '0 2 * * *', or of six with seconds first")]
pub struct InvalidSchedule;

/// An error of the scheduler at its start or stop.
#[derive(Debug, thiserror::Error)]
#[error("the scheduler failed")]
pub struct ScheduleError(#[from] JobSchedulerError);

impl Schedule {
    /// Returns the schedule of once per minute.
    pub fn every_minute() -> Self {
        Self("0 * * * * *".to_owned())
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
        let act = Arc::new(act);
        let under_way = Arc::new(Mutex::new(()));
        let last = Arc::clone(&under_way);
        let job = Job::new_async(&self.0, move |_, _| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let (act, under_way) = (Arc::clone(&act), Arc::clone(&under_way));
            Box::pin(async move {
                if let Ok(_alone) = under_way.try_lock() {
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
        let with_seconds = match text.split_whitespace().count() {
            5 => format!("0 {text}"),
            6 => text.to_owned(),
            _ => return Err(InvalidSchedule),
        };
        Job::new(&with_seconds, |_, _| {}).map_err(|_| InvalidSchedule)?;
        Ok(Self(with_seconds))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
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
        for bad in ["", "* * * *", "61 * * * *", "0 25 * * *", "hourly", "a b c d e"] {
            assert_eq!(bad.parse::<Schedule>(), Err(InvalidSchedule), "{bad}");
        }
    }

    #[tokio::test]
    async fn shutdown_ends_the_schedule() {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        let schedule = Schedule::every_minute();
        schedule.run(shutdown, async || {}).await.expect("ends");
    }
}
