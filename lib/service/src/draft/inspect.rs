//! Looking at a draft: what a backend sees before it pins.

use std::time::SystemTime;

use draftstore_storage::{ETag, ObjectInfo};

use super::confirm::MARKER_PREFIX;
use super::keys::Keys;
use super::{DraftId, Drafts, found};
use crate::cleaner::came_in_parts;
use crate::{Error, Missing, Scope};

/// Names one draft, as it came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct DraftName {
    /// See [`crate::ObjectName`]; or the whole key of a unique draft, which says its ID too.
    pub object_name: String,
    /// The draft, where it is a unique one.
    pub draft_id: Option<String>,
}

/// A draft as it is now.
#[derive(Debug, Clone)]
pub struct DraftInspected {
    /// The name that it was uploaded under.
    pub object_name: String,
    /// Its identity, where it is a unique one.
    pub draft_id: Option<DraftId>,
    /// The draft, without what the server keeps in its metadata for itself.
    pub draft: ObjectInfo,
    /// When it expires. A sweep removes it some time later.
    pub expires_at: SystemTime,
}

impl Drafts {
    /// Describes a draft.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, [`Error::NotFound`] when there is no such draft, or
    /// those of the store.
    pub async fn inspect(&self, name: &DraftName) -> Result<DraftInspected, Error> {
        self.caller.may(Scope::Inspect)?;
        let (name, draft_id) = self.draft_named(name)?;
        let keys = self.keys(&name, draft_id, None);
        let mut draft = self.head_draft(&keys).await?.ok_or(Error::NotFound(Missing::Draft))?;
        draft
            .attributes
            .metadata
            .retain(|name, _| !name.starts_with(MARKER_PREFIX));
        let expires_at = self.expires_at(draft_id, &draft.etag, draft.last_modified);
        Ok(DraftInspected {
            object_name: name.to_string(),
            draft_id,
            draft,
            expires_at,
        })
    }

    /// The draft, if there is one.
    pub(super) async fn head_draft(&self, keys: &Keys) -> Result<Option<ObjectInfo>, Error> {
        Ok(found(
            self.shared
                .store
                .storage
                .head(self.shared.store.buckets.draft.name(), &keys.draft)
                .await,
        )?)
    }

    /// A unique draft says by its ID when it expires; a named one is as old as the store says, and lives twice as long
    /// where it came in parts. The sweep goes by the same: see [`crate::cleaner::Expiry`].
    pub(super) fn expires_at(&self, draft_id: Option<DraftId>, etag: &ETag, last_modified: SystemTime) -> SystemTime {
        let lifetime = self.shared.policy.object_lifetime();
        let named = || last_modified + if came_in_parts(etag) { lifetime * 2 } else { lifetime };
        draft_id.map_or_else(named, DraftId::expires_at)
    }
}
