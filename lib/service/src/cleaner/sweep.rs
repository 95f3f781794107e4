//! One pass over the draft bucket.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use draftstore_storage::{DraftVersion, ErrorKind, ListObjects, ListUploads, ListedObject, ListedUpload, ObjectKey};

use super::{Brakes, Expiry, Summary};
use crate::draft::DraftId;
use crate::draft::id::shards;
use crate::name::RESERVED_PREFIX;
use crate::{Clock, Policy, Store};

/// Whether a sweep removes what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Delete,
    /// It only tells.
    DryRun,
}

/// Something that a sweep found to have expired.
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
    pub source: draftstore_storage::Error,
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

    /// Passes once over all drafts and all uploads in progress, and calls `found` for each that has expired.
    ///
    /// Safe to run beside confirms, uploads and other sweeps. What it could not remove is counted in
    /// [`Summary::failed`] and logged.
    ///
    /// # Errors
    /// [`SweepError`] when the bucket could not be listed to its end.
    pub async fn sweep(
        &self,
        mode: Mode,
        found: &mut (dyn for<'a> FnMut(Expired<'a>) + Send),
    ) -> Result<Summary, SweepError> {
        let begun = Instant::now();
        let mut summary = Summary::default();
        let mut pass = Pass {
            mode,
            found,
            summary: &mut summary,
        };
        let result = self.pass(&mut pass).await;
        summary.elapsed = begun.elapsed();
        match result {
            Ok(()) => Ok(summary),
            Err(source) => Err(SweepError { summary, source }),
        }
    }

    async fn pass(&self, pass: &mut Pass<'_>) -> Result<(), draftstore_storage::Error> {
        self.sweep_unique(pass).await?;
        self.sweep_named(pass).await?;
        self.sweep_uploads(pass).await
    }

    /// All of them where they fit in a page; else shard by shard, each up to the first that has not expired.
    async fn sweep_unique(&self, pass: &mut Pass<'_>) -> Result<(), draftstore_storage::Error> {
        let all = self
            .store
            .storage
            .list(self.store.buckets.draft.name(), &under(RESERVED_PREFIX.to_owned()))
            .await?;
        if all.next.is_none() {
            self.sweep_page(all.objects, self.expiry(all.store_time), pass).await;
            return Ok(());
        }
        for shard in shards() {
            let mut request = under(shard);
            loop {
                let page = self
                    .store
                    .storage
                    .list(self.store.buckets.draft.name(), &request)
                    .await?;
                let expiry = self.expiry(page.store_time);
                let lives = |draft: &ListedObject| DraftId::in_key(&draft.key).is_some() && !expiry.of_draft(draft);
                let next = page.next.filter(|_| !page.objects.iter().any(lives));
                self.sweep_page(page.objects, expiry, pass).await;
                match next {
                    Some(next) => request.continuation = Some(next),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// Everything else: what comes before the unique drafts in the order of keys, and what comes after.
    async fn sweep_named(&self, pass: &mut Pass<'_>) -> Result<(), draftstore_storage::Error> {
        let mut request = ListObjects::default();
        loop {
            let mut page = self
                .store
                .storage
                .list(self.store.buckets.draft.name(), &request)
                .await?;
            let listed = page.objects.len();
            page.objects
                .retain(|draft| !draft.key.as_str().starts_with(RESERVED_PREFIX));
            let met_unique = page.objects.len() < listed;
            let next = page.next;
            let expiry = self.expiry(page.store_time);
            self.sweep_page(page.objects, expiry, pass).await;
            match next {
                Some(_) if met_unique => {
                    request = ListObjects {
                        start_after: Some(format!("{RESERVED_PREFIX}{}", char::MAX)),
                        ..ListObjects::default()
                    };
                }
                Some(next) => request.continuation = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn sweep_page(&self, drafts: Vec<ListedObject>, expiry: Expiry, pass: &mut Pass<'_>) {
        pass.summary.scanned += count(&drafts);
        let expired: Vec<_> = drafts.into_iter().filter(|draft| expiry.of_draft(draft)).collect();
        pass.summary.expired += count(&expired);
        for draft in &expired {
            (pass.found)(Expired::Draft(draft));
        }
        if pass.mode == Mode::Delete && !expired.is_empty() {
            self.delete(&expired, pass.summary).await;
        }
    }

    async fn delete(&self, expired: &[ListedObject], summary: &mut Summary) {
        let version = |draft: &ListedObject| DraftVersion {
            key: draft.key.clone(),
            etag: draft.etag.clone(),
        };
        let versions: Vec<_> = expired.iter().map(version).collect();
        let remaining = match self
            .store
            .storage
            .delete_drafts(&self.store.buckets.draft, &versions)
            .await
        {
            Ok(remaining) => remaining,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not delete {} expired drafts",
                    expired.len()
                );
                summary.failed += count(expired);
                return;
            }
        };
        for failure in remaining
            .iter()
            .filter(|failure| failure.kind != ErrorKind::PreconditionFailed)
        {
            tracing::error!(object.key = %failure.key, code = %failure.code, "could not delete an expired draft");
            summary.failed += 1;
        }
        let remaining: BTreeSet<&ObjectKey> = remaining.iter().map(|failure| &failure.key).collect();
        for draft in expired.iter().filter(|draft| !remaining.contains(&draft.key)) {
            tracing::debug!(object.key = %draft.key, object.size = draft.size, "deleted an expired draft");
            summary.deleted += 1;
            summary.bytes += draft.size;
        }
    }

    async fn sweep_uploads(&self, pass: &mut Pass<'_>) -> Result<(), draftstore_storage::Error> {
        let mut request = ListUploads::default();
        loop {
            let page = self
                .store
                .storage
                .list_uploads(self.store.buckets.draft.name(), &request)
                .await?;
            let expiry = self.expiry(page.store_time);
            pass.summary.scanned += count(&page.uploads);
            for upload in page.uploads.iter().filter(|upload| expiry.of_upload(upload)) {
                pass.summary.expired += 1;
                (pass.found)(Expired::Upload(upload));
                if pass.mode == Mode::Delete {
                    self.abort(upload, pass.summary).await;
                }
            }
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn abort(&self, upload: &ListedUpload, summary: &mut Summary) {
        match self
            .store
            .storage
            .abort_upload(&self.store.buckets.draft, &upload.key, &upload.upload_id)
            .await
        {
            Ok(()) => {
                tracing::debug!(object.key = %upload.key, upload.id = ?upload.upload_id, "aborted an expired upload");
                summary.deleted += 1;
            }
            Err(error) => {
                tracing::error!(
                    object.key = %upload.key,
                    upload.id = ?upload.upload_id,
                    error = &error as &dyn std::error::Error,
                    "could not abort an expired upload"
                );
                summary.failed += 1;
            }
        }
    }

    fn expiry(&self, store_time: Option<SystemTime>) -> Expiry {
        Expiry::at(store_time.unwrap_or_else(|| self.clock.now()), &self.policy)
    }
}

/// What a sweep carries along.
struct Pass<'p> {
    mode: Mode,
    found: &'p mut (dyn for<'a> FnMut(Expired<'a>) + Send),
    summary: &'p mut Summary,
}

fn under(prefix: String) -> ListObjects {
    ListObjects {
        prefix: Some(prefix),
        ..ListObjects::default()
    }
}

fn count<T>(items: &[T]) -> u64 {
    items.len().try_into().unwrap_or(u64::MAX)
}
