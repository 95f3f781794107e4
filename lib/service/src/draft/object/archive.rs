//! Archived objects, and their restores.

use std::time::SystemTime;

use draftstore_protocol::kept::ARCHIVE_CLASSES;
use draftstore_storage::{ErrorKind, ObjectDescription, RestoreArchived, RestoreStatus};

use crate::draft::Drafts;
use crate::fields::version_id;
use crate::limits::MAX_RESTORE_DAYS;
use crate::violation::Violations;
use crate::{Error, RestoreTier, Scope, Violation};

/// A request to restore an archived object, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct RestoreObject {
    /// The name of the object.
    pub object_name: String,
    /// The ID of a version. `None` is the current one.
    pub version_id: Option<String>,
    /// The number of days for which the object stays readable.
    pub days: i32,
    /// The speed of the restore. `None` is the store's default.
    pub tier: Option<RestoreTier>,
}

/// The state of an object in an archive class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveState {
    /// The object cannot be read, and no restore was requested.
    Archived,
    /// A restore is in progress.
    Restoring,
    /// The object can be read until then.
    Restored(SystemTime),
}

impl ArchiveState {
    /// Returns the state of an object, or `None` if its class needs no restore.
    pub fn of(object: &ObjectDescription) -> Option<Self> {
        let class = object.storage_class.as_deref()?;
        ARCHIVE_CLASSES.contains(&class).then_some(match object.restore {
            None => Self::Archived,
            Some(RestoreStatus::InProgress) => Self::Restoring,
            Some(RestoreStatus::Restored(until)) => Self::Restored(until),
        })
    }
}

impl Drafts {
    /// Makes an archived object readable for some days, or prolongs the restore. Returns its state, or `None` if the object is
    /// in no archive class and needs no restore. Idempotent. Takes two calls to the store.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NotFound`] if the object does not
    /// exist, [`Error::StoreUnsupported`] if the store has no archive, or another error of the store.
    pub async fn restore_object(&self, request: &RestoreObject) -> Result<Option<ArchiveState>, Error> {
        self.caller.require(Scope::Manage)?;
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&request.object_name));
        let version = broken.take_optional(request.version_id.as_deref().map(version_id));
        let days = broken.take(days(request.days));
        let (Some(name), Some(days), []) = (name, days, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let store = &self.shared.store;
        let restore = RestoreArchived {
            bucket: &store.buckets.main,
            key: &self.main_key(&name),
            version: version.as_ref(),
            days,
            tier: request.tier,
        };
        match store.objects().restore_archived(&restore).await {
            Ok(()) => {}
            // A restore is in progress, or the object is in another class: the description tells.
            Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::Archived) => {}
            Err(error) if error.kind == ErrorKind::NotFound && version.is_some() => {
                return Err(self.no_such_version().await);
            }
            Err(error) => return Err(error.into()),
        }
        let description = store
            .objects()
            .describe(restore.bucket, restore.key, restore.version)
            .await?;
        Ok(ArchiveState::of(&description))
    }
}

fn days(days: i32) -> Result<u16, Violation> {
    let rule = || Violation::new("days", format!("must be 1 to {MAX_RESTORE_DAYS}"));
    let days = u16::try_from(days).map_err(|_| rule())?;
    (1..=MAX_RESTORE_DAYS).contains(&days).then_some(days).ok_or_else(rule)
}
