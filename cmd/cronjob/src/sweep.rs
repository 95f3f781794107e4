//! The sweep, once or on a schedule.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use draftstore_cronjob::{Config, count_usage, sweep_replaced, sweep_transitions};
use draftstore_runtime::{Schedule, on_signal, print};
use draftstore_service::cleaner::{Expired, Mode, ReplacedSwept, Summary, TransitionsSwept};
use draftstore_service::safety;
use draftstore_service::{Cleaner, Store, SystemClock, UsageCounter};
use draftstore_storage::{ErrorKind, ListedObject};
use draftstore_telemetry::traces::TARGET;
use tracing::Instrument as _;

use crate::report::Report;
use crate::store;

/// The lifetime of drafts below which a sweep may delete drafts that are about to be confirmed: the default validity of an
/// upload URL.
const SHORT_LIFETIME: Duration = Duration::from_secs(3600);

/// Runs the sweep as configured.
///
/// # Errors
/// An error if the store is unreachable, cannot be listed, or is not safe although `REQUIRE_SAFE_STORE` is set, or if something
/// expired was not removed.
pub(crate) async fn run(config: Config, dry_run: bool) -> anyhow::Result<()> {
    config.shared.log_unused();
    config.store_choice.log();
    let lifetime = config.shared.policy.object_lifetime();
    if lifetime < SHORT_LIFETIME && !dry_run {
        let remedy = "list what would be deleted with --dry-run, or set OBJECT_LIFETIME to that of the server";
        tracing::warn!(lifetime_s = lifetime.as_secs(), remedy, "short draft lifetime");
    }
    let report = Report::new(config.report.clone(), config.shared.sweep.slice);
    let begun = begin(&config, dry_run, &report).await;
    if begun.is_err() && !dry_run {
        report.ended(None, false).await;
    }
    let sweeper = begun?;
    match config.shared.schedule.cleanup {
        Some(schedule) if !dry_run => stay(schedule, sweeper, report).await,
        _ => once(&sweeper, dry_run, &report).await,
    }
}

/// The two acts of a sweep.
#[derive(Debug)]
struct Sweeper {
    cleaner: Cleaner,
    counter: UsageCounter,
}

async fn begin(config: &Config, dry_run: bool, report: &Report) -> anyhow::Result<Sweeper> {
    let storage = store::connect(config.store.clone(), report.store_calls.clone()).await?;
    let store = Store::new(storage.clone(), config.shared.buckets.clone());
    let unusable = || format!("the store at {} cannot be used", storage.name());
    if config.shared.require_safe_store {
        safety::require_safe(&store).await.with_context(unusable)?;
    } else if !dry_run {
        probe(&store).await.with_context(unusable)?;
    }
    let (sweep, clock) = (config.shared.sweep, Arc::new(SystemClock));
    let cleaner = Cleaner::new(store.clone(), config.shared.policy, sweep.brakes, clock.clone());
    Ok(Sweeper {
        cleaner: cleaner.of_slice(sweep.slice),
        counter: UsageCounter::new(store, sweep.slice, sweep.usage, clock),
    })
}

/// Probes the store. Credentials that may only list and delete are enough for a sweep, which then relies on no condition.
async fn probe(store: &Store) -> anyhow::Result<()> {
    let Err(error) = safety::probe(store).await else {
        return Ok(());
    };
    match error.kind {
        ErrorKind::Unavailable | ErrorKind::BucketNotFound => {
            let remedy = safety::remedy(error.kind).unwrap_or_default();
            Err(anyhow::Error::from(error).context(remedy))
        }
        ErrorKind::CredentialsRefused
        | ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Archived
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => {
            let remedy = safety::remedy(error.kind);
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, remedy, "store probe failed; no condition assumed");
            Ok(())
        }
    }
}

async fn once(sweeper: &Sweeper, dry_run: bool, report: &Report) -> anyhow::Result<()> {
    let shutdown = on_signal()?;
    let mode = if dry_run { Mode::DryRun } else { Mode::Delete };
    tokio::select! {
        swept = sweep(sweeper, mode, report) => swept,
        () = shutdown.cancelled() => anyhow::bail!("the sweep was interrupted; the next one continues"),
    }
}

/// Sweeps on the schedule until SIGTERM, which waits for the current sweep. A failed sweep is logged, and the next one retries.
async fn stay(schedule: Schedule, sweeper: Sweeper, report: Report) -> anyhow::Result<()> {
    let shutdown = on_signal()?;
    tracing::info!(%schedule, time_zone = "UTC", "sweeping on schedule");
    let sweeper = Arc::new((sweeper, report));
    let act = move || {
        let sweeper = Arc::clone(&sweeper);
        async move {
            let (sweeper, report) = &*sweeper;
            if let Err(error) = sweep(sweeper, Mode::Delete, report).await {
                tracing::error!(error = format!("{error:#}"), "sweep failed");
            }
        }
    };
    schedule.run(shutdown, act).await?;
    Ok(())
}

async fn sweep(sweeper: &Sweeper, mode: Mode, figures: &Report) -> anyhow::Result<()> {
    let span = tracing::info_span!(target: TARGET, "sweep");
    // If standard output cannot be written, the sweep goes on, and fails at its end.
    let mut printed = Ok(());
    let mut list = |expired: Expired<'_>| {
        if printed.is_ok() {
            printed = print(line(expired));
        }
    };
    let swept = sweeper.cleaner.sweep(mode, &mut list).instrument(span).await;
    let replaced = sweep_replaced(&sweeper.cleaner, mode, &mut list).await;
    let mut list_moves = |object: &ListedObject, class: &str| {
        if printed.is_ok() {
            let ListedObject { key, size, .. } = object;
            printed = print(format_args!("would move {key} ({size} bytes) to {class}\n"));
        }
    };
    let moved = sweep_transitions(&sweeper.cleaner, mode, &mut list_moves, &figures.sweeps).await;
    let summary = match &swept {
        Ok(summary) => summary,
        Err(stopped) => &stopped.summary,
    };
    let copies = replaced.as_ref().map_or(0, |swept| swept.deleted);
    let transitions = moved.as_ref().map_or(0, |swept| swept.moved);
    let printed = printed.and_then(|()| report(summary, copies, transitions));
    if mode == Mode::Delete {
        if swept.is_ok() {
            count_usage(&sweeper.counter, &figures.sweeps).await;
        }
        figures.ended(Some(summary), swept.is_ok()).await;
    }
    let (failed, brake) = (summary.failed, summary.brake);
    swept?;
    ensure!(failed == 0, "{failed} expired drafts or uploads could not be removed");
    let ReplacedSwept { failed, .. } = replaced.context("the copies of replaced objects could not be swept")?;
    ensure!(
        failed == 0,
        "{failed} expired copies of replaced objects could not be removed"
    );
    let TransitionsSwept { failed, .. } = moved.context("objects could not be moved to other storage classes")?;
    ensure!(
        failed == 0,
        "{failed} objects could not be moved to another storage class"
    );
    if let Some(brake) = brake {
        bail!("the sweep stopped: {brake}");
    }
    printed.context("cannot write to standard output")
}

fn line(expired: Expired<'_>) -> String {
    match expired {
        Expired::Draft(draft) => format!("would delete draft {} ({} bytes)\n", draft.key, draft.size),
        Expired::Replaced(copy) => format!("would delete copy {} ({} bytes)\n", copy.key, copy.size),
        Expired::Upload(upload) => format!("would abort upload {} of {}\n", upload.upload_id.as_str(), upload.key),
    }
}

/// Logs and prints the summary, with the numbers of deleted copies of replaced objects and of moved objects.
fn report(summary: &Summary, copies: u64, transitions: u64) -> io::Result<()> {
    tracing::info!(
        scanned = summary.scanned,
        expired = summary.expired,
        deleted = summary.deleted,
        failed = summary.failed,
        bytes = summary.bytes,
        seconds = summary.elapsed.as_secs_f64(),
        "sweep finished"
    );
    let counted = |what: &str, count: u64| {
        if count > 0 {
            format!("; {what}: {count}")
        } else {
            String::new()
        }
    };
    let copies = counted("deleted copies of replaced objects", copies);
    let transitions = counted("objects moved to another storage class", transitions);
    print(format_args!("{summary}{copies}{transitions}\n"))
}
