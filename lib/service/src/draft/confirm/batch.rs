//! Many confirms in one call: each for itself, or all or nothing.
//!
//! An atomic batch goes through four doors, each closed until everybody has come to it:
//!
//! 1. Everybody looks: drafts, pins, main. Most failures show here, and nothing was changed yet.
//! 2. Everybody copies. What is in main by then bears the batch's ID, and any other confirm of the same draft is told to
//!    come back: nobody is answered by what may be taken back.
//! 3. All succeeded: the batch says so by an object of its own, the point of no return, and everybody removes its draft.
//! 4. One failed: what was made is deleted from main, each exactly in the version that was made.
//!    So is a copy that may have succeeded though its confirm failed.
//!
//! A crash before the point of no return leaves drafts, and some of the objects in main; when the time in the batch's ID
//! has passed, nobody takes them back any more, and a repeat completes them.

use std::collections::HashSet;
use std::time::Duration;

use draftstore_protocol::confirm::{BatchId, Turn, settlement_key};
use draftstore_storage::PutDraft;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use tracing::Instrument as _;
use ulid::Ulid;

use super::driver::Running;
use super::request::{Checked, ConfirmUpload, Confirmed};
use crate::draft::Drafts;
use crate::draft::draft_ref::Keys;
use crate::fields;
use crate::{Error, Scope, Violation};

/// Confirms of one batch that talk to the store at the same time.
const MAX_CONCURRENT: usize = 8;

/// What must be left of a batch's time for taking back: longer than a delete may be under way.
const UNDO_RESERVE: Duration = Duration::from_secs(30);

/// Which drafts to keep, as the caller said it: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct ConfirmBatch {
    /// The drafts, 1 to [`MAX_BATCH`](crate::limits::MAX_BATCH).
    pub uploads: Vec<ConfirmUpload>,
    /// Whether to keep all or none.
    pub atomic: bool,
}

impl Drafts {
    /// Keeps many drafts, and says of each what became of it, in the order of the request.
    ///
    /// An atomic batch keeps all or none: where one fails, the outcome of the others is [`Error::RolledBack`], or, where
    /// an earlier confirm had kept them, that confirm's answer. Where taking back failed, the outcome says why, and a
    /// repeat of the batch completes it.
    ///
    /// Once begun it runs to its end, even if the caller goes away.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are none or too many, when one is there twice, when two of an atomic batch are to
    /// be kept under one name, or one of it is to overwrite: what was overwritten could not be brought back.
    pub async fn confirm_batch(&self, batch: ConfirmBatch) -> Result<Vec<Result<Confirmed, Error>>, Error> {
        self.caller.may(Scope::Confirm)?;
        let checked = check(&batch, self)?;
        let drafts = self.clone();
        let running = async move {
            if batch.atomic {
                let confirmed = drafts.confirm_all(checked).await;
                for confirmed in &confirmed {
                    drafts.tell_confirmed(confirmed);
                }
                confirmed
            } else {
                drafts.confirm_each(checked).await
            }
        };
        Ok(self.shared.confirms.spawn(running.in_current_span()).await?)
    }

    async fn confirm_each(&self, checked: Vec<Result<Checked, Error>>) -> Vec<Result<Confirmed, Error>> {
        let confirms: Vec<_> = checked
            .into_iter()
            .map(|checked| self.confirm_one(checked).boxed())
            .collect();
        stream::iter(confirms).buffered(MAX_CONCURRENT).collect().await
    }

    async fn confirm_one(&self, checked: Result<Checked, Error>) -> Result<Confirmed, Error> {
        self.confirm_checked(checked?).await
    }

    async fn confirm_all(&self, checked: Vec<Result<Checked, Error>>) -> Vec<Result<Confirmed, Error>> {
        if checked.iter().any(Result::is_err) {
            return checked
                .into_iter()
                .map(|checked| Err(checked.err().unwrap_or(Error::RolledBack)))
                .collect();
        }
        let checked: Vec<Checked> = checked.into_iter().flatten().collect();
        let keys: Vec<Keys> = checked.iter().map(|checked| checked.keys.clone()).collect();
        self.shared.store.probe_if_unknown().await;
        let _locked = self.lock(&keys).await;

        let until = self.shared.clock.now() + self.shared.confirm_limits.timeout + UNDO_RESERVE;
        let batch: BatchId = Ulid::from_parts(Ulid::from_datetime(until).timestamp_ms(), rand::random());
        let mut all: Vec<Running> = checked
            .into_iter()
            .map(|checked| self.running(checked, Some(batch)))
            .collect();
        let mut turn = Some(Turn::Look);
        while let Some(now) = turn {
            self.turn(&mut all, now).await;
            let any_failed = all.iter().any(Running::has_failed);
            turn = now.next(any_failed, self.can_undo(batch));
            if turn == Some(Turn::Settle) && !self.settles(batch).await {
                turn = Some(Turn::Leave);
            }
        }
        let outcome = |(one, keys): (Running, &Keys)| Ok(Confirmed::new(self.location(keys), one.end()?));
        all.into_iter().zip(&keys).map(outcome).collect()
    }

    /// Whether a delete that begins now has come to pass, or never will, when the batch's time is over.
    pub(super) fn can_undo(&self, batch: BatchId) -> bool {
        self.shared.clock.now() + UNDO_RESERVE < batch.datetime()
    }

    /// Passes the point of no return. Whether that came to pass is not known where this is false.
    async fn settles(&self, batch: BatchId) -> bool {
        let put = PutDraft {
            bucket: &self.shared.store.buckets.draft,
            key: &settlement_key(batch),
            bytes: &[],
        };
        let settled = self.shared.store.objects().put_draft(&put).await;
        if let Err(error) = &settled {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "an atomic batch could not be settled"
            );
        }
        settled.is_ok()
    }

    async fn turn(&self, all: &mut [Running], turn: Turn) {
        let turns: Vec<BoxFuture<'_, ()>> = all.iter_mut().map(|one| one.turn(self, turn).boxed()).collect();
        stream::iter(turns)
            .buffer_unordered(MAX_CONCURRENT)
            .collect::<()>()
            .await;
    }
}

/// What can be said of the batch as a whole; what is wrong with one of them is that one's outcome.
fn check(batch: &ConfirmBatch, drafts: &Drafts) -> Result<Vec<Result<Checked, Error>>, Error> {
    let invalid = |field: String, rule: &str| Err(Error::Invalid(vec![Violation::new(field, rule)]));
    fields::batch(batch.uploads.len()).map_err(|violation| Error::Invalid(vec![violation]))?;
    let checked: Vec<_> = batch.uploads.iter().map(|upload| upload.check(drafts)).collect();
    let (mut seen, mut kept_under) = (HashSet::new(), HashSet::new());
    for (place, one) in checked.iter().enumerate() {
        let Ok(one) = one else { continue };
        if !seen.insert((one.keys.draft.clone(), one.keys.main.clone())) {
            return invalid(format!("uploads[{place}]"), "must not be there twice");
        }
        if batch.atomic && !kept_under.insert(one.keys.main.clone()) {
            return invalid(
                format!("uploads[{place}]"),
                "must not be kept under the name of another",
            );
        }
        if batch.atomic && batch.uploads[place].overwrite {
            let rule = "must not go with atomic: what was overwritten cannot be brought back";
            return invalid(format!("uploads[{place}].overwrite"), rule);
        }
    }
    Ok(checked)
}
