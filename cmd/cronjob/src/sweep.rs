//! Sweeping once, or on a schedule.

use std::sync::Arc;

use anyhow::{bail, ensure};
use draftstore_cronjob::Config;
use draftstore_runtime::traces::TARGET;
use draftstore_runtime::{Schedule, on_signal, safety};
use draftstore_service::cleaner::{Expired, Mode, Summary};
use draftstore_service::{Cleaner, Store, SystemClock};
use draftstore_storage::ErrorKind;
use tracing::Instrument as _;

use crate::report::Report;
use crate::store;

/// Sweeps as configured.
///
/// # Errors
/// When the store cannot be reached or listed, or is not safe where that is required, or something that has expired remained.
pub(crate) async fn run(config: Config, dry_run: bool) -> anyhow::Result<()> {
    for unknown in &config.unknown {
        tracing::warn!(
            variable = unknown.name,
            nearest = unknown.nearest,
            "unknown environment variable"
        );
    }
    let report = Report::new(config.report.clone(), config.sweep.part);
    let begun = begin(&config, dry_run, &report).await;
    if begun.is_err() && !dry_run {
        report.ended(None, false).await;
    }
    let cleaner = begun?;
    match config.schedule.cleanup {
        Some(schedule) if !dry_run => stay(schedule, cleaner, report).await,
        _ => once(&cleaner, dry_run, &report).await,
    }
}

async fn begin(config: &Config, dry_run: bool, report: &Report) -> anyhow::Result<Cleaner> {
    let storage = store::connect(config.store.clone(), report.store_calls.clone()).await?;
    let store = Store::new(storage, config.buckets.clone());
    if config.require_safe_store {
        safety::require_safe(&store).await?;
    } else if !dry_run {
        probe(&store).await?;
    }
    Ok(Cleaner::new(store, config.policy, config.sweep.brakes, Arc::new(SystemClock)).of_part(config.sweep.part))
}

/// A cleaner may be allowed no more than to list and to delete: it then sweeps as on a store that honours nothing.
async fn probe(store: &Store) -> anyhow::Result<()> {
    let Err(error) = safety::probe(store).await else {
        return Ok(());
    };
    match error.kind {
        ErrorKind::Unavailable | ErrorKind::BucketNotFound => Err(error.into()),
        ErrorKind::CredentialsRefused
        | ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the store cannot be probed: no condition is relied on");
            Ok(())
        }
    }
}

async fn once(cleaner: &Cleaner, dry_run: bool, report: &Report) -> anyhow::Result<()> {
    let shutdown = on_signal()?;
    let mode = if dry_run { Mode::DryRun } else { Mode::Delete };
    tokio::select! {
        swept = sweep(cleaner, mode, report) => swept,
        () = shutdown.cancelled() => anyhow::bail!("stopped before the sweep had ended; the next one goes on"),
    }
}

/// Until SIGTERM, which lets a sweep that is under way end. Failed sweeps are logged; the next one tries again.
async fn stay(schedule: Schedule, cleaner: Cleaner, report: Report) -> anyhow::Result<()> {
    let shutdown = on_signal()?;
    tracing::info!(%schedule, "sweeping on schedule, in UTC");
    let sweeper = Arc::new((cleaner, report));
    let act = move || {
        let sweeper = Arc::clone(&sweeper);
        async move {
            let (cleaner, report) = &*sweeper;
            if let Err(error) = sweep(cleaner, Mode::Delete, report).await {
                tracing::error!("{error:#}");
            }
        }
    };
    schedule.run(shutdown, act).await?;
    Ok(())
}

async fn sweep(cleaner: &Cleaner, mode: Mode, figures: &Report) -> anyhow::Result<()> {
    let span = tracing::info_span!(target: TARGET, "sweep");
    let swept = cleaner.sweep(mode, &mut |expired| tell(expired)).instrument(span).await;
    let summary = match &swept {
        Ok(summary) => summary,
        Err(stopped) => &stopped.summary,
    };
    report(summary);
    if mode == Mode::Delete {
        figures.ended(Some(summary), swept.is_ok()).await;
    }
    let (failed, brake) = (summary.failed, summary.brake);
    swept?;
    ensure!(failed == 0, "{failed} expired drafts or uploads could not be removed");
    if let Some(brake) = brake {
        bail!("the sweep has stopped: {brake}");
    }
    Ok(())
}

fn tell(expired: Expired<'_>) {
    match expired {
        Expired::Draft(draft) => println!("would delete draft {} ({} bytes)", draft.key, draft.size),
        Expired::Upload(upload) => println!("would abort upload {} of {}", upload.upload_id.as_str(), upload.key),
    }
}

fn report(summary: &Summary) {
    tracing::info!(
        scanned = summary.scanned,
        expired = summary.expired,
        deleted = summary.deleted,
        failed = summary.failed,
        bytes = summary.bytes,
        seconds = summary.elapsed.as_secs_f64(),
        "swept"
    );
    println!("{summary}");
}
