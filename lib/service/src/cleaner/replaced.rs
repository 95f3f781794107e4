//! The sweep of what is kept of replaced and deleted objects. It deletes nothing else in main.

use std::time::Duration;

use draftstore_protocol::REPLACED_PREFIX;
use draftstore_protocol::kept::ReplacedId;
use draftstore_storage::{Error, ErrorKind, KeptVersion, ListObjects, ListedObject, MainBucket};
use futures::FutureExt as _;

use super::{Cleaner, Expired, Mode, concurrently};

/// The results of a sweep of the copies of replaced objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplacedSwept {
    /// The number of copies that were deleted.
    pub deleted: u64,
    /// The number of copies that could not be deleted.
    pub failed: u64,
    /// The bytes of the deleted copies.
    pub bytes: u64,
}

impl Cleaner {
    /// Deletes the copies of replaced objects whose lifetime is over. A dry run calls `found` for each instead. Does nothing if
    /// none are kept, and leaves them to the cleaner of the first slice.
    ///
    /// # Errors
    /// Returns the error of a list. Copies that could not be deleted are logged and counted.
    pub async fn sweep_replaced(
        &self,
        mode: Mode,
        found: &mut (dyn for<'a> FnMut(Expired<'a>) + Send),
    ) -> Result<ReplacedSwept, Error> {
        let mut swept = ReplacedSwept::default();
        let (first_slice, _) = self.slice.place();
        let Some(lifetime) = self.policy.replaced_lifetime().filter(|_| first_slice == 0) else {
            return Ok(swept);
        };
        let buckets = &self.store.buckets;
        for main in [&buckets.main].into_iter().chain(&buckets.destinations) {
            self.sweep_replaced_in(main, lifetime, mode, found, &mut swept).await?;
        }
        Ok(swept)
    }

    async fn sweep_replaced_in(
        &self,
        main: &MainBucket,
        lifetime: Duration,
        mode: Mode,
        found: &mut (dyn for<'a> FnMut(Expired<'a>) + Send),
        swept: &mut ReplacedSwept,
    ) -> Result<(), Error> {
        let objects = self.store.objects();
        let mut request = ListObjects {
            prefix: Some(REPLACED_PREFIX.to_owned()),
            ..ListObjects::default()
        };
        loop {
            let page = objects.list(main.name(), &request).await?;
            let now = self.now(page.store_time);
            let has_expired = |copy: &ListedObject| {
                ReplacedId::in_key(&copy.key).is_some_and(|id| id.has_expired(lifetime, self.policy.sweep_grace(), now))
            };
            let expired: Vec<_> = page.objects.into_iter().filter(has_expired).collect();
            match mode {
                Mode::DryRun => expired.iter().for_each(|copy| found(Expired::Replaced(copy))),
                Mode::Delete => self.delete_replaced(main, expired, swept).await,
            }
            request.continuation = page.next;
            if request.continuation.is_none() {
                return Ok(());
            }
        }
    }

    async fn delete_replaced(&self, main: &MainBucket, copies: Vec<ListedObject>, swept: &mut ReplacedSwept) {
        let outcomes = concurrently(copies, |copy| {
            async move {
                let object = KeptVersion {
                    key: copy.key,
                    etag: copy.etag,
                };
                let deleted = self.store.objects().delete_object(main, &object).await;
                (object.key, copy.size, deleted.map(drop))
            }
            .boxed()
        });
        for (key, size, deleted) in outcomes.await {
            match deleted {
                Ok(()) => {
                    swept.deleted += 1;
                    swept.bytes = swept.bytes.saturating_add(size);
                    tracing::debug!(object.key = %key, "expired copy deleted");
                }
                // Nothing writes there again: another sweep deleted it.
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::PreconditionFailed) => {}
                Err(error) => {
                    swept.failed += 1;
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(object.key = %key, error, "deleting an expired copy failed");
                }
            }
        }
    }
}
