//! One pass over the draft bucket: performs what the rules ask for.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use draftstore_storage::{
    DeleteFailure, DraftVersion, ETag, Error, ListUploads, ListedObject, ListedUpload, ObjectKey,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};

use super::effect::{Answer, Effect, Step, Stop};
use super::pass::{Pass, Rules};
use super::{Brakes, Summary};
use crate::{Clock, Policy, Store};

/// Calls about single drafts and uploads that a sweep has under way at once.
const MAX_CONCURRENT: usize = 8;

/// Whether a sweep removes what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Delete,
    /// It only tells.
    DryRun,
}

/// Something that a dry run found to have expired.
#[derive(Debug, Clone, Copy)]
pub enum Expired<'a> {
    /// A draft.
    Draft(&'a ListedObject),
    /// A multipart upload in progress.
    Upload(&'a ListedUpload),
}

/// A sweep that could not go on: how far it got, and why it stopped.
#[derive(Debug, thiserror::Error)]
#[error("the sweep stopped early")]
pub struct SweepError {
    /// What it did until then.
    pub summary: Summary,
    /// What stopped it.
    pub source: Stop,
}

/// Removes what has expired from one draft bucket.
#[derive(Debug, Clone)]
pub struct Cleaner {
    store: Store,
    policy: Policy,
    brakes: Brakes,
    clock: Arc<dyn Clock>,
}

impl Cleaner {
    /// A cleaner of this store. The clock is asked only where the store does not tell the time.
    pub fn new(store: Store, policy: Policy, brakes: Brakes, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            policy,
            brakes,
            clock,
        }
    }

    /// Passes once over all drafts and all uploads in progress. A dry run calls `found` for each that has expired.
    ///
    /// Safe to run beside confirms, uploads and other sweeps. What it could not remove is counted in
    /// [`Summary::failed`] and logged; [`Summary::brake`] says whether it stopped short of removing all.
    ///
    /// # Errors
    /// [`SweepError`] when the bucket could not be listed to its end.
    pub async fn sweep(
        &self,
        mode: Mode,
        found: &mut (dyn for<'a> FnMut(Expired<'a>) + Send),
    ) -> Result<Summary, SweepError> {
        let begun = Instant::now();
        let (mut pass, mut step) = Pass::start(Rules {
            mode,
            policy: self.policy,
            brakes: self.brakes,
            capabilities: self.store.profile.capabilities(),
        });
        let result = loop {
            step = match step {
                Step::Perform(effect) => pass.on(self.perform(effect, found).await),
                Step::Finish(result) => break result,
            };
        };
        let mut summary = pass.summary();
        summary.elapsed = begun.elapsed();
        match result {
            Ok(()) => Ok(summary),
            Err(source) => Err(SweepError { summary, source }),
        }
    }

    async fn perform(&self, effect: Effect, found: &mut (dyn for<'a> FnMut(Expired<'a>) + Send)) -> Answer {
        let (storage, buckets) = (&self.store.storage, &self.store.buckets);
        match effect {
            Effect::List(request) => {
                let page = storage.list(buckets.draft.name(), &request).await;
                let now = self.now(page.as_ref().ok().and_then(|page| page.store_time));
                Answer::Page(page, now)
            }
            Effect::ListUploads(request) => {
                let page = storage.list_uploads(buckets.draft.name(), &request).await;
                let now = self.now(page.as_ref().ok().and_then(|page| page.store_time));
                Answer::Uploads(page, now)
            }
            Effect::ListStaged(main_key) => {
                let request = ListUploads {
                    prefix: Some(main_key.to_string()),
                    ..ListUploads::default()
                };
                let page = storage.list_uploads(buckets.main.name(), &request).await;
                let now = self.now(page.as_ref().ok().and_then(|page| page.store_time));
                Answer::Uploads(page, now)
            }
            Effect::Tell(drafts) => {
                for draft in &drafts {
                    found(Expired::Draft(draft));
                }
                Answer::Told
            }
            Effect::TellUploads(uploads) => {
                for upload in &uploads {
                    found(Expired::Upload(upload));
                }
                Answer::Told
            }
            Effect::Look(keys) => Answer::Seen(side_by_side(keys, |key| self.version_of(key).boxed()).await),
            Effect::DeleteMany(drafts) => Answer::Deleted(storage.delete_drafts(&buckets.draft, &drafts).await),
            Effect::DeleteEach(drafts) => {
                let failures = side_by_side(drafts, |draft| self.delete(draft).boxed()).await;
                Answer::Deleted(Ok(failures.into_iter().flatten().collect()))
            }
            Effect::Abort(uploads) => {
                let aborted = side_by_side(uploads, |upload| self.abort(upload).boxed()).await;
                Answer::Aborted {
                    failed: aborted.iter().filter(|aborted| !**aborted).count(),
                }
            }
            Effect::AbortStaged(uploads) => {
                let aborted = side_by_side(uploads, |upload| self.abort_staged(upload).boxed()).await;
                Answer::Aborted {
                    failed: aborted.iter().filter(|aborted| !**aborted).count(),
                }
            }
        }
    }

    /// Whether the upload is gone.
    async fn abort(&self, upload: ListedUpload) -> bool {
        let Store { storage, buckets, .. } = &self.store;
        told(
            &upload,
            &storage
                .abort_upload(&buckets.draft, &upload.key, &upload.upload_id)
                .await,
        )
    }

    /// Whether the staged copy is gone.
    async fn abort_staged(&self, upload: ListedUpload) -> bool {
        let Store { storage, buckets, .. } = &self.store;
        told(
            &upload,
            &storage.abort_copy(&buckets.main, &upload.key, &upload.upload_id).await,
        )
    }

    async fn version_of(&self, key: ObjectKey) -> Option<ETag> {
        let head = self.store.storage.head(self.store.buckets.draft.name(), &key).await;
        head.ok().map(|draft| draft.etag)
    }

    async fn delete(&self, draft: DraftVersion) -> Option<DeleteFailure> {
        let deleted = self.store.storage.delete_draft(&self.store.buckets.draft, &draft).await;
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

async fn side_by_side<'a, T, R>(all: Vec<T>, act: impl FnMut(T) -> BoxFuture<'a, R>) -> Vec<R> {
    let acts: Vec<_> = all.into_iter().map(act).collect();
    stream::iter(acts).buffered(MAX_CONCURRENT).collect().await
}

/// Whether the upload is gone, having said so.
fn told(upload: &ListedUpload, aborted: &Result<(), Error>) -> bool {
    match aborted {
        Ok(()) => tracing::debug!(object.key = %upload.key, upload.id = ?upload.upload_id, "aborted an expired upload"),
        Err(error) => tracing::error!(
            object.key = %upload.key,
            upload.id = ?upload.upload_id,
            error = error as &dyn std::error::Error,
            "could not abort an expired upload"
        ),
    }
    aborted.is_ok()
}
