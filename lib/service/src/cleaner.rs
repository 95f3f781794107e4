//! The driver of the sweep, which runs [`draftstore_protocol::sweep`] against the store.
//!
//! The driver owns the tasks of the calls to the store, and logs their results. The protocol decides what is removed.

mod expired;
mod replaced;
mod transitions;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use draftstore_protocol::checks::{REJECTED_METADATA, RejectedDraft};
use draftstore_protocol::sweep::{Answer, Bounds, Effect, Found, Next, Pass, Rules};
use draftstore_protocol::upload::CompletionEnd;
use draftstore_storage::{
    DeleteFailure, DraftVersion, ETag, Error, ErrorKind, ListUploads, ListedObject, ListedUpload, ObjectInfo, ObjectKey,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use tokio::task::JoinSet;
use tracing::Instrument as _;

pub use draftstore_protocol::sweep::{Brake, Brakes, Expiry, Fraction, InvalidFraction, Mode, Slice, Stop, Summary};

pub use self::replaced::ReplacedSwept;
pub use self::transitions::TransitionsSwept;
use crate::completion::{CompletionRules, StoredUpload};
use crate::draft::{ConfirmLimits, found};
use crate::{Clock, Drafts, Policy, Store};

/// The maximum number of concurrent calls for one effect of the protocol, each on a single draft or upload.
const MAX_CONCURRENT: usize = 8;

/// An expired draft or upload, found by a dry run.
#[derive(Debug, Clone, Copy)]
pub enum Expired<'a> {
    /// A draft that has expired.
    Draft(&'a ListedObject),
    /// A multipart upload in progress that has expired.
    Upload(&'a ListedUpload),
    /// A copy of a replaced object that has expired.
    Replaced(&'a ListedObject),
}

/// The error of a sweep that stopped early.
#[derive(Debug, thiserror::Error)]
#[error("the sweep stopped early")]
pub struct SweepError {
    /// The results of the sweep up to the error.
    pub summary: Summary,
    /// The reason why the sweep stopped.
    pub source: Stop<Error>,
}

/// Removes expired drafts and uploads from a draft bucket.
#[derive(Debug, Clone)]
pub struct Cleaner {
    store: Store,
    policy: Policy,
    brakes: Brakes,
    slice: Slice,
    clock: Arc<dyn Clock>,
    /// The service that hears of completed uploads, if the sweep runs beside it.
    drafts: Option<Drafts>,
    limits: ConfirmLimits,
    wanted: WantedEvents,
}

/// The kinds of events of a sweep that some endpoint wants.
#[derive(Debug, Clone, Copy, Default)]
struct WantedEvents {
    uploaded: bool,
    expired: bool,
}

impl Cleaner {
    /// Creates a cleaner of the store's whole draft bucket. The clock is used only if the store's responses have no
    /// date.
    pub fn new(store: Store, policy: Policy, brakes: Brakes, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            policy,
            brakes,
            slice: Slice::WHOLE,
            clock,
            drafts: None,
            limits: ConfirmLimits::DEFAULT,
            wanted: WantedEvents::default(),
        }
    }

    /// Lets drafts whose uploads the cleaner completes confirm themselves, if that was agreed on.
    #[must_use]
    pub fn beside(self, drafts: Drafts) -> Self {
        Self {
            drafts: Some(drafts),
            ..self
        }
    }

    /// Replaces the limits of the copies by which objects move to other storage classes: those of a confirm.
    #[must_use]
    pub fn with_copy_limits(self, limits: ConfirmLimits) -> Self {
        Self { limits, ..self }
    }

    /// Restricts the cleaner to a slice of the bucket. The brakes then apply to this slice only.
    #[must_use]
    pub fn of_slice(self, slice: Slice) -> Self {
        Self { slice, ..self }
    }

    /// Runs one sweep over all drafts and all uploads in progress. A dry run calls `found` for each expired one.
    ///
    /// Safe to run concurrently with confirms, uploads and other sweeps. Drafts and uploads that could not be removed
    /// are logged and counted in [`Summary::failed`]. [`Summary::brake`] says if a brake stopped the sweep.
    ///
    /// # Errors
    /// Returns [`SweepError`] if the bucket could not be listed to its end. Expired drafts and uploads that were found
    /// before the error are removed.
    pub async fn sweep(
        &self,
        mode: Mode,
        found: &mut (dyn for<'a> FnMut(Expired<'a>) + Send),
    ) -> Result<Summary, SweepError> {
        let begun = Instant::now();
        let mut pass = Pass::start(Rules {
            mode,
            slice: self.slice,
            policy: self.policy,
            brakes: self.brakes,
            capabilities: self.store.profile.capabilities(),
            bounds: Bounds::default(),
        });
        let cleaner = Self {
            wanted: match mode {
                Mode::Delete => self.wanted().await,
                Mode::DryRun => WantedEvents::default(),
            },
            ..self.clone()
        };
        // One task per effect, because parsing a page takes as long as fetching it. Dropping this future aborts them.
        let mut under_way = JoinSet::new();
        let result = loop {
            match pass.step() {
                Next::Perform(job, effect) => {
                    let cleaner = cleaner.clone();
                    let perform = async move { (job, cleaner.perform(effect).await) };
                    under_way.spawn(perform.in_current_span());
                }
                Next::Report(Found::Draft(draft)) => found(Expired::Draft(&draft)),
                Next::Report(Found::Upload(upload)) => found(Expired::Upload(&upload)),
                Next::Wait => match under_way.join_next().await {
                    Some(Ok((job, answer))) => pass.on(job, answer),
                    Some(Err(ended)) => match ended.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_cancelled) => break Err(Stop::OutOfStep),
                    },
                    None => break Err(Stop::OutOfStep),
                },
                Next::Finish(result) => break result,
            }
        };
        let mut summary = pass.summary();
        summary.elapsed = begun.elapsed();
        match result {
            Ok(()) => Ok(summary),
            Err(source) => Err(SweepError { summary, source }),
        }
    }

    async fn perform(&self, effect: Effect) -> Answer<Error> {
        let (objects, buckets) = (self.store.objects(), &self.store.buckets);
        match effect {
            Effect::List(request) => {
                let page = objects.list(buckets.draft.name(), &request).await;
                let now = self.now(page.as_ref().ok().and_then(|page| page.store_time));
                Answer::Page(page, now)
            }
            Effect::ListUploads(request) => {
                let page = objects.list_uploads(buckets.draft.name(), &request).await;
                let now = self.now(page.as_ref().ok().and_then(|page| page.store_time));
                Answer::Uploads(page, now)
            }
            Effect::ListStaged(bucket, main_key) => {
                let request = ListUploads {
                    prefix: Some(main_key.to_string()),
                    ..ListUploads::default()
                };
                let bucket = bucket.as_ref().unwrap_or(buckets.main.name());
                let page = objects.list_uploads(bucket, &request).await;
                let now = self.now(page.as_ref().ok().and_then(|page| page.store_time));
                Answer::Uploads(page, now)
            }
            Effect::Look(keys) => Answer::Seen(concurrently(keys, |key| self.version_of(key).boxed()).await),
            Effect::LookUpRejected(notes) => {
                Answer::Rejected(concurrently(notes, |note| self.rejected(note).boxed()).await)
            }
            Effect::DeleteMany(drafts) => {
                let deleting = async |drafts: Vec<DraftVersion>| {
                    let deleted = objects.delete_drafts(&buckets.draft, &drafts).await;
                    log_deleted(&drafts, deleted.as_deref());
                    deleted
                };
                Answer::Deleted(self.delete_published(drafts, deleting).await)
            }
            Effect::DeleteEach(drafts) => {
                let deleting = async |drafts: Vec<DraftVersion>| {
                    let failures = concurrently(drafts.clone(), |draft| self.delete(draft).boxed()).await;
                    let failures: Vec<_> = failures.into_iter().flatten().collect();
                    log_deleted(&drafts, Ok(&failures));
                    Ok(failures)
                };
                Answer::Deleted(self.delete_published(drafts, deleting).await)
            }
            Effect::Abort(uploads) => {
                let aborted = concurrently(uploads, |upload| self.abort(upload).boxed()).await;
                Answer::Aborted {
                    failed: aborted.iter().filter(|aborted| !**aborted).count(),
                }
            }
            Effect::Complete(uploads) => {
                let completed = concurrently(uploads, |upload| self.complete(upload).boxed()).await;
                Answer::Completed {
                    completed: completed.iter().filter(|ended| matches!(ended, Ok(true))).count(),
                    failed: completed.iter().filter(|ended| ended.is_err()).count(),
                }
            }
            Effect::AbortStaged(bucket, uploads) => {
                let store = bucket.map_or_else(|| Some(self.store.clone()), |bucket| self.store.at(&bucket));
                let aborted = concurrently(uploads, |upload| abort_staged(store.as_ref(), upload).boxed()).await;
                Answer::Aborted {
                    failed: aborted.iter().filter(|aborted| !**aborted).count(),
                }
            }
        }
    }

    /// Aborts an upload, and returns `true` if it is gone.
    async fn abort(&self, upload: ListedUpload) -> bool {
        let (objects, buckets) = (self.store.objects(), &self.store.buckets);
        log_aborted(
            &upload,
            &objects
                .abort_upload(&buckets.draft, &upload.key, &upload.upload_id)
                .await,
        )
    }

    /// Completes an upload if its client is gone, and returns `true` if it did. The error is logged.
    async fn complete(&self, upload: ListedUpload) -> Result<bool, ()> {
        let Some(idle_after) = self.policy.complete_idle_after() else {
            return Ok(false);
        };
        let stored = StoredUpload {
            key: &upload.key,
            upload_id: &upload.upload_id,
        };
        let rules = CompletionRules {
            idle_after,
            now: self.clock.now(),
            is_wanted: self.wanted.uploaded,
        };
        let (ended, act) = stored.complete(&self.store, rules).await;
        match ended {
            Ok(CompletionEnd::Completed(_)) => {
                tracing::info!(object.key = %upload.key, upload.id = ?upload.upload_id, "idle upload completed");
                if let Some(drafts) = &self.drafts {
                    drafts.arrived_in_background(&upload.key, act);
                }
                Ok(true)
            }
            Ok(CompletionEnd::NotPlanned | CompletionEnd::NotDue | CompletionEnd::Taken | CompletionEnd::Gone) => {
                Ok(false)
            }
            Err(error) => {
                tracing::error!(
                    object.key = %upload.key,
                    upload.id = ?upload.upload_id,
                    error = &error as &dyn std::error::Error,
                    "completing an idle upload failed"
                );
                Err(())
            }
        }
    }

    /// Returns what a note says about a rejected draft, and the draft under its key. The error is logged.
    async fn rejected(&self, note: ObjectKey) -> Result<Option<(RejectedDraft, ObjectInfo)>, Error> {
        let looked_up = self.look_up_rejected(&note).await;
        if let Err(error) = &looked_up {
            let error = error as &dyn std::error::Error;
            tracing::error!(object.key = %note, error, "looking up a rejected draft failed");
        }
        looked_up
    }

    async fn look_up_rejected(&self, note: &ObjectKey) -> Result<Option<(RejectedDraft, ObjectInfo)>, Error> {
        let (objects, bucket) = (self.store.objects(), self.store.buckets.draft.name());
        let Some(note) = found(objects.head(bucket, note).await)? else {
            return Ok(None);
        };
        let text = note.attributes.metadata.get(REJECTED_METADATA);
        let Some(rejected) = text.and_then(|text| RejectedDraft::of_text(text)) else {
            return Ok(None);
        };
        let draft = found(objects.head(bucket, &rejected.key).await)?;
        Ok(draft.map(|draft| (rejected, draft)))
    }

    async fn version_of(&self, key: ObjectKey) -> Option<ETag> {
        let head = self.store.objects().head(self.store.buckets.draft.name(), &key).await;
        head.ok().map(|draft| draft.etag)
    }

    async fn delete(&self, draft: DraftVersion) -> Option<DeleteFailure> {
        let deleted = self
            .store
            .objects()
            .delete_draft(&self.store.buckets.draft, &draft)
            .await;
        deleted.err().map(|error| DeleteFailure {
            key: draft.key,
            kind: error.kind,
            code: error.to_string(),
        })
    }

    fn now(&self, store_time: Option<SystemTime>) -> SystemTime {
        store_time.unwrap_or_else(|| self.clock.now())
    }
}

async fn concurrently<'a, T, R>(all: Vec<T>, act: impl FnMut(T) -> BoxFuture<'a, R>) -> Vec<R> {
    let acts: Vec<_> = all.into_iter().map(act).collect();
    stream::iter(acts).buffered(MAX_CONCURRENT).collect().await
}

/// Aborts a staged copy, and returns `true` if it is gone. Without a store, its bucket is not configured.
async fn abort_staged(store: Option<&Store>, upload: ListedUpload) -> bool {
    let Some(store) = store else {
        let remedy = "add its bucket to DESTINATION_BUCKETS";
        tracing::error!(object.key = %upload.key, remedy, "staged copy in unknown bucket");
        return false;
    };
    let main = &store.buckets.main;
    log_aborted(
        &upload,
        &store.objects().abort_copy(main, &upload.key, &upload.upload_id).await,
    )
}

/// Logs the result of an abort, and returns `true` if the upload is gone.
fn log_aborted(upload: &ListedUpload, aborted: &Result<(), Error>) -> bool {
    match aborted {
        Ok(()) => tracing::debug!(object.key = %upload.key, upload.id = ?upload.upload_id, "expired upload aborted"),
        Err(error) => tracing::error!(
            object.key = %upload.key,
            upload.id = ?upload.upload_id,
            error = error as &dyn std::error::Error,
            "aborting an expired upload failed"
        ),
    }
    aborted.is_ok()
}

fn log_deleted(drafts: &[DraftVersion], deleted: Result<&[DeleteFailure], &Error>) {
    let failures = match deleted {
        Ok(failures) => failures,
        Err(error) => {
            let error = error as &dyn std::error::Error;
            return tracing::error!(error, drafts = drafts.len(), "deleting expired drafts failed");
        }
    };
    for failure in failures {
        // A failed precondition means that the draft was uploaded again after it was listed: it has not expired.
        if failure.kind != ErrorKind::PreconditionFailed {
            tracing::error!(object.key = %failure.key, code = %failure.code, "deleting an expired draft failed");
        }
    }
    if tracing::enabled!(tracing::Level::DEBUG) {
        let failed: BTreeSet<_> = failures.iter().map(|failure| &failure.key).collect();
        for draft in drafts.iter().filter(|draft| !failed.contains(&draft.key)) {
            tracing::debug!(object.key = %draft.key, "expired draft deleted");
        }
    }
}
