//! Listings and deletes of versions of confirmed objects.

use std::time::SystemTime;

use draftstore_storage as storage;
use draftstore_storage::{ErrorKind, ListedBytes, ListedVersion, ObjectKey, VersionId};
use serde_json::json;

use super::replaced::{StoredVersion, replaced_id};
use crate::draft::acts::ActInMain;
use crate::draft::page::{Listing, Position};
use crate::draft::{Drafts, found};
use crate::events::{Act, EventKind, TraceAt, object_fields};
use crate::fields::version_id;
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, Lock, Missing, Scope};

/// A request for a page of the versions of an object, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ListVersions {
    /// The name of the object.
    pub object_name: String,
    /// The maximum number of versions.
    pub page_size: Option<i32>,
    /// The token to continue with: [`VersionsPage::next_page_token`] of the previous page.
    pub page_token: Option<String>,
}

/// A version in a listing, or a copy in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionListed {
    /// The ID of the version.
    pub version_id: VersionId,
    /// The bytes of the version. `None` for a delete marker.
    pub bytes: Option<ListedBytes>,
    /// The time at which the version was created, by the store's clock, or at which a copy of it was made.
    pub created_at: SystemTime,
    /// `true` for the current version.
    pub is_current: bool,
}

/// A page of versions, the newest first.
#[derive(Debug, Clone)]
pub struct VersionsPage {
    /// The versions on the page.
    pub versions: Vec<VersionListed>,
    /// The token of the next page. `None` on the last page.
    pub next_page_token: Option<String>,
}

/// A version of an object, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct DeleteVersion {
    /// The name of the object.
    pub object_name: String,
    /// The ID of the version.
    pub version_id: String,
}

impl Drafts {
    /// Lists a page of the versions of an object in main, with its delete markers, or of the copies that take their place, the
    /// newest first.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NotFound`] if there is no version,
    /// [`Error::NoVersions`] if main has no versioning, or an error of the store.
    pub async fn list_versions(&self, request: &ListVersions) -> Result<VersionsPage, Error> {
        self.caller.require(Scope::Inspect)?;
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&request.object_name));
        let listing = Listing {
            purpose: Purpose::VersionPage,
            prefix: &request.object_name,
            delimiter: "",
        };
        let page = self.page(listing, request.page_size, request.page_token.as_deref(), &mut broken);
        let (Some(name), []) = (name, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let key = self.main_key(&name);
        if self.has_copies().await? {
            return self.list_replaced(listing, &key, page).await;
        }
        let after = page.begin.and_then(|begin| begin.after).map(VersionId::new);
        let found = self.versions_of(&key, after.as_ref(), page.size).await?;
        let is_unversioned = found
            .versions
            .iter()
            .all(|version| version.version_id.as_str() == VersionId::NULL);
        if is_unversioned && after.is_none() {
            self.require_versions().await?;
            if found.versions.is_empty() {
                return Err(Error::NotFound(Missing::Object));
            }
        }
        let next = found.next.map(|next| Position {
            range: 0,
            after: Some(next.to_string()),
        });
        Ok(VersionsPage {
            next_page_token: next.map(|next| self.page_token(listing, &next)),
            versions: found.versions.into_iter().map(VersionListed::from).collect(),
        })
    }

    /// Deletes a version of an object in main for good, or a delete marker. Idempotent.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NoVersions`] if main has no
    /// versioning, [`Error::NotFound`] if copies take the place of versions and none can have the ID, [`Error::Locked`] if a retention or a legal hold keeps the version, [`Error::DeletesNotPermitted`] if the
    /// server may not delete versions, or an error of the store.
    pub async fn delete_version(&self, request: &DeleteVersion) -> Result<(), Error> {
        self.caller.require(Scope::Admin)?;
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&request.object_name));
        let version = broken.take(version_id(&request.version_id));
        let (Some(name), Some(version), []) = (name, version, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let (main, key) = (&self.shared.store.buckets.main, self.main_key(&name));
        if let Some(id) = replaced_id(&version) {
            let act = self.begin_version(&key, &version).await?;
            let deleted = self.delete_replaced(id.key(&key)).await;
            self.end_act(act, &deleted, None).await;
            return deleted;
        }
        // Without versioning, a delete of the version `null` would delete the object.
        self.require_versions().await?;
        let act = self.begin_version(&key, &version).await?;
        let deleted = match self.shared.store.objects().delete_version(main, &key, &version).await {
            Err(error) if error.kind == ErrorKind::CredentialsRefused => Err(self.refused(&key, &version, error).await),
            deleted => deleted.map_err(Error::from),
        };
        self.end_act(act, &deleted, None).await;
        deleted
    }

    /// Writes down the event of a version that is about to be deleted. A delete marker and a version that does not exist have
    /// none.
    async fn begin_version(&self, key: &ObjectKey, version: &VersionId) -> Result<Option<Act>, Error> {
        if !self.is_told(EventKind::ObjectVersionDeleted) {
            return Ok(None);
        }
        let stored = StoredVersion::of(key.clone(), Some(version));
        let (main, objects) = (&self.shared.store.buckets.main, self.shared.store.objects());
        let described = objects.describe(main, &stored.key, stored.version.as_ref()).await;
        let Some(info) = found(described.map(|described| described.info))? else {
            return Ok(None);
        };
        let mut fields = object_fields(&info);
        fields.push(("version_id", Some(json!(version.as_str()))));
        let act = ActInMain {
            kind: EventKind::ObjectVersionDeleted,
            key,
            done_to: version.as_str(),
            fields,
            traces: vec![TraceAt::of_version(&stored.key, stored.version.as_ref())],
        };
        Ok(self.begin_in_main(act).await?)
    }

    /// Returns the error for a version that the store refused to delete. It gives no reason, so its lock is looked up.
    async fn refused(&self, key: &ObjectKey, version: &VersionId, error: storage::Error) -> Error {
        let store = &self.shared.store;
        let described = store.objects().describe(&store.buckets.main, key, Some(version)).await;
        let lock = described.map(|version| Lock {
            retention: version.retention.filter(|kept| kept.until > self.shared.clock.now()),
            legal_hold: version.legal_hold,
        });
        match lock {
            Ok(lock) if lock != Lock::default() => Error::Locked(lock),
            Ok(_) | Err(_) => Error::DeletesNotPermitted(Box::new(error)),
        }
    }

    /// Returns the error for a failed call on a version.
    pub(super) async fn version_error(&self, error: storage::Error) -> Error {
        if error.kind == ErrorKind::NotFound {
            self.no_such_version().await
        } else {
            error.into()
        }
    }

    /// Returns the error for a version that the store does not have.
    pub(in crate::draft) async fn no_such_version(&self) -> Error {
        match self.require_restorable().await {
            Ok(()) => Error::NotFound(Missing::Version),
            Err(error) => error,
        }
    }

    /// Checks that main has versions, or copies in their place.
    pub(super) async fn require_restorable(&self) -> Result<(), Error> {
        match self.shared.policy.replaced_lifetime() {
            Some(_) => Ok(()),
            None => self.require_versions().await,
        }
    }

    pub(super) async fn versions_of(
        &self,
        key: &ObjectKey,
        after: Option<&VersionId>,
        max_versions: u16,
    ) -> Result<storage::VersionPage, Error> {
        let store = &self.shared.store;
        let request = storage::ListVersions {
            bucket: &store.buckets.main,
            key,
            after,
            max_versions,
        };
        Ok(store.objects().list_versions(&request).await?)
    }

    pub(super) async fn require_versions(&self) -> Result<(), Error> {
        let store = &self.shared.store;
        if store.administration().has_versions(&store.buckets.main).await? {
            return Ok(());
        }
        // Copies that take the place of versions have IDs of their own.
        Err(match self.shared.policy.replaced_lifetime() {
            Some(_) => Error::NotFound(Missing::Version),
            None => Error::NoVersions,
        })
    }
}

impl From<ListedVersion> for VersionListed {
    fn from(listed: ListedVersion) -> Self {
        Self {
            version_id: listed.version_id,
            bytes: listed.bytes,
            created_at: listed.last_modified,
            is_current: listed.is_current,
        }
    }
}
