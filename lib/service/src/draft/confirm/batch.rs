//! Batches of confirms, independent or atomic.
//!
//! An atomic batch has phases. No confirm of the batch enters a phase before all have finished the previous one:
//!
//! 1. Check: each confirm reads its draft and main, and checks its pins. Most failures occur here, before any change.
//! 2. Copy: each confirm copies its draft. The objects in main carry the ID of the batch. Until the batch is settled,
//!    any other confirm of the same draft fails as retryable, because the object may still be rolled back.
//! 3. Settle: if all copies succeeded, the batch writes a settlement object. This is the point of no return. Each
//!    confirm then deletes its draft.
//! 4. Roll back: if a confirm failed, each new object is deleted from main, in exactly the version that was created. A
//!    copy that may have succeeded although its confirm failed is deleted too.
//!
//! A crash before the settlement leaves the drafts, and possibly some objects in main. They are not rolled back after
//! the time in the batch's ID. A repeat of the batch then completes it.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use draftstore_protocol::confirm::{BatchId, Turn, settlement_key};
use draftstore_storage::{Attributes, PutDraft};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use tracing::Instrument as _;
use ulid::Ulid;

use super::Placed;
use super::driver::Running;
use super::request::{ConfirmUpload, Confirmed};
use crate::draft::Drafts;
use crate::draft::draft_ref::Keys;
use crate::fields;
use crate::{Error, Scope, Violation};

/// The maximum number of confirms of one batch that call the store concurrently.
const MAX_CONCURRENT: usize = 8;

/// The time before the end of a batch after which no rollback begins. Longer than a delete can take.
const UNDO_RESERVE: Duration = Duration::from_secs(30);

/// A request to confirm several drafts, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ConfirmBatch {
    /// The drafts, 1 to [`MAX_BATCH`](crate::limits::MAX_BATCH).
    pub uploads: Vec<ConfirmUpload>,
    /// `true` to confirm either all drafts or none.
    pub atomic: bool,
}

impl Drafts {
    /// Confirms several drafts, and returns the result of each in the order of the request.
    ///
    /// An atomic batch confirms all drafts or none. If one fails, the result of the others is [`Error::RolledBack`]. A
    /// draft that an earlier confirm had copied keeps the result of that confirm. If a rollback fails, the result is
    /// its error, and a repeat of the batch completes it.
    ///
    /// The batch runs to completion, even if the caller disconnects.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if there are no drafts or too many, or if a draft is listed twice. An atomic batch is
    /// also invalid if two drafts have the same destination, or if one is to overwrite: overwritten objects could not be
    /// restored.
    pub async fn confirm_batch(&self, batch: ConfirmBatch) -> Result<Vec<Result<Confirmed, Error>>, Error> {
        self.caller.require(Scope::Confirm)?;
        let checked = check(&batch, self)?;
        let drafts = self.clone();
        let running = async move {
            if batch.atomic {
                let confirmed = drafts.confirm_all(checked).await;
                for confirmed in &confirmed {
                    drafts.observe_confirmed(confirmed);
                }
                confirmed
            } else {
                drafts.confirm_each(checked).await
            }
        };
        Ok(self.shared.tasks.spawn(running.in_current_span()).await?)
    }

    async fn confirm_each(&self, checked: Vec<Result<Placed, Error>>) -> Vec<Result<Confirmed, Error>> {
        let confirms: Vec<_> = checked
            .into_iter()
            .map(|placed| async { Placed::confirm(placed?).await }.boxed())
            .collect();
        stream::iter(confirms).buffered(MAX_CONCURRENT).collect().await
    }

    async fn confirm_all(&self, mut checked: Vec<Result<Placed, Error>>) -> Vec<Result<Confirmed, Error>> {
        for one in &mut checked {
            if let Ok(confirm) = one
                && let Err(error) = confirm.require().await
            {
                *one = Err(error);
            }
        }
        if checked.iter().any(Result::is_err) {
            return checked
                .into_iter()
                .map(|checked| Err(checked.err().unwrap_or(Error::RolledBack)))
                .collect();
        }
        let checked: Vec<Placed> = checked.into_iter().flatten().collect();
        let keys: Vec<Keys> = checked.iter().map(|placed| placed.checked.keys.clone()).collect();
        self.shared.store.probe_if_unknown().await;
        let _locked = self.lock(&keys).await;

        let until = self.shared.clock.now() + self.shared.confirm_limits.timeout + UNDO_RESERVE;
        let batch: BatchId = Ulid::from_parts(Ulid::from_datetime(until).timestamp_ms(), rand::random());
        let mut all: Vec<(Self, Running)> = checked
            .into_iter()
            .map(|Placed { drafts, checked }| (drafts.clone(), drafts.running(checked, Some(batch))))
            .collect();
        let mut turn = Some(Turn::Look);
        while let Some(now) = turn {
            self.turn(&mut all, now).await;
            let any_failed = all.iter().any(|(_, one)| one.has_failed());
            turn = now.next(any_failed, self.can_undo(batch));
            if turn == Some(Turn::Settle) && !self.settle(batch).await {
                turn = Some(Turn::Leave);
            }
        }
        let ends: Vec<BoxFuture<'_, _>> = all
            .into_iter()
            .zip(&keys)
            .map(|((drafts, one), keys)| {
                async move { Ok(Confirmed::new(drafts.location(keys), one.end(&drafts).await?)) }.boxed()
            })
            .collect();
        stream::iter(ends).buffered(MAX_CONCURRENT).collect().await
    }

    /// Returns `true` if a delete that begins now is certain to have ended before the end of the batch.
    pub(super) fn can_undo(&self, batch: BatchId) -> bool {
        self.can_undo_until(batch.datetime())
    }

    /// Returns `true` if a delete that begins now is certain to have ended before this time.
    pub(super) fn can_undo_until(&self, until: SystemTime) -> bool {
        self.shared.clock.now() + UNDO_RESERVE < until
    }

    /// Writes the settlement object. After `false`, it is unknown if the object was written.
    async fn settle(&self, batch: BatchId) -> bool {
        let put = PutDraft {
            bucket: &self.shared.store.buckets.draft,
            key: &settlement_key(batch),
            bytes: &[],
            attributes: Attributes::NONE,
            if_absent: false,
        };
        let settled = self.shared.store.objects().put_draft(&put).await;
        if let Err(error) = &settled {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "settling an atomic batch failed"
            );
        }
        settled.is_ok()
    }

    async fn turn(&self, all: &mut [(Self, Running)], turn: Turn) {
        let turns = all.iter_mut().map(|(drafts, one)| one.turn(drafts, turn).boxed());
        let turns: Vec<BoxFuture<'_, ()>> = turns.collect();
        stream::iter(turns)
            .buffer_unordered(MAX_CONCURRENT)
            .collect::<()>()
            .await;
    }
}

/// Validates the batch as a whole. The violations of a single draft become the result of that draft.
fn check(batch: &ConfirmBatch, drafts: &Drafts) -> Result<Vec<Result<Placed, Error>>, Error> {
    let invalid = |field: String, rule: &str| Err(Error::Invalid(vec![Violation::new(field, rule)]));
    fields::batch(batch.uploads.len()).map_err(|violation| Error::Invalid(vec![violation]))?;
    let placed = batch.uploads.iter().map(|upload| Placed::of(upload, drafts));
    let checked: Vec<_> = placed.collect();
    let (mut seen, mut kept_under) = (HashSet::new(), HashSet::new());
    for (place, one) in checked.iter().enumerate() {
        let Ok(Placed {
            drafts: at,
            checked: one,
        }) = one
        else {
            continue;
        };
        if !seen.insert((one.keys.draft.clone(), one.keys.main.clone())) {
            return invalid(format!("uploads[{place}]"), "must not be listed twice");
        }
        let bucket = at.shared.store.buckets.main.name().clone();
        if batch.atomic && !kept_under.insert((bucket, one.keys.main.clone())) {
            return invalid(
                format!("uploads[{place}]"),
                "must not have the destination of another draft in an atomic batch",
            );
        }
        if batch.atomic && batch.uploads[place].overwrite {
            let rule = "must not be true in an atomic batch: an overwritten object cannot be restored";
            return invalid(format!("uploads[{place}].overwrite"), rule);
        }
    }
    Ok(checked)
}
