//! Copies of what a call replaces or deletes in a main bucket without versions, which are used like versions.

use draftstore_protocol::kept::{Keep, KeepAnswer, KeepEffect, KeepError, KeepStep, Keeping, ReplacedId};
use draftstore_storage as storage;
use draftstore_storage::{
    CopyInMain, ETag, ErrorKind, IfDestination, KeptVersion, ListObjects, ListedBytes, ListedObject, ObjectKey,
    Operation, StageInMain, VersionCopied, VersionId,
};

use super::versions::{VersionListed, VersionsPage};
use crate::draft::page::{Listing, Page, Position};
use crate::draft::{Drafts, found};
use crate::{Error, Missing};

/// The place in main at which the store has a version.
#[derive(Debug, Clone)]
pub(in crate::draft) struct StoredVersion {
    /// The key of the object, or of a copy of it.
    pub(in crate::draft) key: ObjectKey,
    /// The ID by which the store knows the version. `None` is the current one at that key.
    pub(in crate::draft) version: Option<VersionId>,
}

impl StoredVersion {
    /// Finds the place of a version of an object. `None` is the current one.
    pub(in crate::draft) fn of(object: ObjectKey, version: Option<&VersionId>) -> Self {
        match version.and_then(replaced_id) {
            Some(id) => Self {
                key: id.key(&object),
                version: None,
            },
            None => Self {
                key: object,
                version: version.cloned(),
            },
        }
    }
}

/// Returns the ID of a copy, or `None` if a version is one of the store's own.
pub(super) fn replaced_id(version: &VersionId) -> Option<ReplacedId> {
    version.as_str().parse().ok()
}

impl Drafts {
    /// Keeps a copy of an object in main that a call is about to replace or to delete on the same condition. Returns `None`
    /// without a call to the store if the server keeps none, and if the store keeps the object as a version.
    ///
    /// Fails with kind `PreconditionFailed` if the object has another version, and otherwise like a copy.
    pub(in crate::draft) async fn keep_replaced(
        &self,
        key: &ObjectKey,
        etag: &ETag,
    ) -> Result<Option<ReplacedId>, storage::Error> {
        if self.shared.policy.replaced_lifetime().is_none() {
            return Ok(None);
        }
        let id = ReplacedId::new(self.shared.clock.now(), rand::random());
        let keep = Keep { etag: etag.clone(), id };
        let (mut keeping, effect) = Keeping::start(keep);
        let mut step = KeepStep::Perform(effect);
        loop {
            step = match step {
                KeepStep::Perform(effect) => keeping.on(self.perform_keep(key, effect).await),
                KeepStep::Finish(Ok(copy)) => return Ok(copy),
                KeepStep::Finish(Err(KeepError::Store(error))) => return Err(error),
                KeepStep::Finish(Err(error @ KeepError::Changed)) => {
                    return Err(self.not_kept(key, ErrorKind::PreconditionFailed, &error));
                }
                KeepStep::Finish(Err(error @ KeepError::OutOfStep)) => {
                    return Err(self.not_kept(key, ErrorKind::Unexpected, &error));
                }
            }
        }
    }

    fn not_kept(&self, key: &ObjectKey, kind: ErrorKind, error: &KeepError<storage::Error>) -> storage::Error {
        storage::Error {
            kind,
            operation: Operation::CopyObject,
            bucket: self.shared.store.buckets.main.name().clone(),
            key: Some(key.clone()),
            source: error.to_string().into(),
        }
    }

    async fn perform_keep(&self, key: &ObjectKey, effect: KeepEffect) -> KeepAnswer<storage::Error> {
        match effect {
            KeepEffect::Find => {
                let found = self.find_source(key, key).await;
                KeepAnswer::Found(found.map(|found| found.map(Box::new)))
            }
            KeepEffect::Copy {
                etag,
                id,
                size,
                attributes,
            } => {
                let copy = CopyInMain {
                    bucket: &self.shared.store.buckets.main,
                    source_key: key,
                    source_etag: &etag,
                    key: &id.key(key),
                    if_destination: IfDestination::Absent,
                    attributes: &attributes,
                    source_has_tags: !attributes.options.tags.is_empty(),
                };
                KeepAnswer::Copied(self.copy_whole(&copy, size).await.map(drop))
            }
        }
    }

    /// Copies an object of any size inside main, which has no versions.
    pub(super) async fn copy_whole(&self, copy: &CopyInMain<'_>, size: u64) -> Result<VersionCopied, storage::Error> {
        let objects = self.shared.store.objects();
        if size <= self.shared.confirm_limits.max_copy_bytes {
            return objects.copy_in_main(copy).await;
        }
        let stage = StageInMain {
            bucket: copy.bucket,
            source_key: copy.source_key,
            source_etag: copy.source_etag,
            size,
            key: copy.key,
            attributes: copy.attributes,
        };
        let (staged, note) = self.stage_transfer(&stage).await;
        let staged = staged?;
        let completed = objects
            .complete_copy(copy.bucket, copy.key, &staged, copy.if_destination)
            .await;
        let is_over = match &completed {
            Ok(_) => true,
            Err(_) => objects
                .abort_copy(copy.bucket, copy.key, &staged.upload_id)
                .await
                .is_ok(),
        };
        if is_over {
            self.delete_note(note).await;
        }
        let version_id = None;
        completed.map(|etag| VersionCopied { etag, version_id })
    }

    /// Returns `true` if copies take the place of versions in main.
    pub(super) async fn has_copies(&self) -> Result<bool, Error> {
        let store = &self.shared.store;
        let keeps = self.shared.policy.replaced_lifetime().is_some();
        Ok(keeps && !store.administration().has_versions(&store.buckets.main).await?)
    }

    /// Lists a page of the copies of an object, the newest first.
    pub(super) async fn list_replaced(
        &self,
        listing: Listing<'_>,
        key: &ObjectKey,
        page: Page,
    ) -> Result<VersionsPage, Error> {
        let after = page.begin.and_then(|begin| begin.after);
        let is_first = after.is_none();
        let found_page = self.replaced_page(key, after, page.size).await?;
        let last = found_page.objects.last().map(|copy| copy.key.to_string());
        let next = last.filter(|_| found_page.next.is_some()).map(|last| Position {
            range: 0,
            after: Some(last),
        });
        let versions: Vec<_> = copies_of(key, found_page.objects).collect();
        if is_first && versions.is_empty() {
            let main = self.shared.store.buckets.main.name();
            let current = found(self.shared.store.objects().head(main, key).await)?;
            current.ok_or(Error::NotFound(Missing::Object))?;
        }
        Ok(VersionsPage {
            versions,
            next_page_token: next.map(|next| self.page_token(listing, &next)),
        })
    }

    /// Returns the newest copy of an object.
    pub(super) async fn newest_replaced(&self, key: &ObjectKey) -> Result<Option<VersionId>, Error> {
        let mut after = None;
        loop {
            let page = self.replaced_page(key, after, 1).await?;
            after = page.objects.last().map(|copy| copy.key.to_string());
            let newest = copies_of(key, page.objects).next();
            if newest.is_some() || page.next.is_none() {
                return Ok(newest.map(|copy| copy.version_id));
            }
        }
    }

    async fn replaced_page(
        &self,
        key: &ObjectKey,
        start_after: Option<String>,
        max_keys: u16,
    ) -> Result<storage::ObjectPage, Error> {
        let request = ListObjects {
            prefix: Some(ReplacedId::prefix(key)),
            start_after,
            max_keys: Some(max_keys),
            ..ListObjects::default()
        };
        let main = self.shared.store.buckets.main.name();
        Ok(self.shared.store.objects().list(main, &request).await?)
    }

    /// Deletes a copy for good. Idempotent.
    pub(super) async fn delete_replaced(&self, copy: ObjectKey) -> Result<(), Error> {
        let (main, objects) = (&self.shared.store.buckets.main, self.shared.store.objects());
        let Some(info) = found(objects.head(main.name(), &copy).await)? else {
            return Ok(());
        };
        let copy = KeptVersion {
            key: copy,
            etag: info.etag,
        };
        match objects.delete_object(main, &copy).await {
            Ok(_) => Ok(()),
            // Nothing writes there again.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::PreconditionFailed) => Ok(()),
            Err(error) if error.kind == ErrorKind::CredentialsRefused => {
                Err(Error::DeletesNotPermitted(Box::new(error)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the copies of one object, without those of objects whose names begin like its copies.
fn copies_of(object: &ObjectKey, listed: Vec<ListedObject>) -> impl Iterator<Item = VersionListed> {
    listed.into_iter().filter_map(|copy| {
        let id = ReplacedId::in_key(&copy.key).filter(|id| id.key(object) == copy.key)?;
        Some(VersionListed {
            version_id: VersionId::new(id.to_string()),
            bytes: Some(ListedBytes {
                etag: copy.etag,
                size: copy.size,
            }),
            created_at: id.replaced_at(),
            is_current: false,
        })
    })
}
