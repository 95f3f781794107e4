//! Looking at a draft: what a backend sees before it pins.

use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::confirm::MARKER_PREFIX;
use draftstore_protocol::sweep::expires_at;
use draftstore_storage::{ObjectInfo, ObjectKey};

use super::draft_ref::DraftName;
use super::{Drafts, found};
use crate::{Error, Missing, Scope};

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
        let named = self.draft_named(name)?;
        let mut draft = self
            .head_draft(&named.key)
            .await?
            .ok_or(Error::NotFound(Missing::Draft))?;
        draft
            .attributes
            .metadata
            .retain(|name, _| !name.starts_with(MARKER_PREFIX));
        let expires_at = expires_at(&self.shared.policy, named.id, &draft.etag, draft.last_modified);
        Ok(DraftInspected {
            object_name: named.name.to_string(),
            draft_id: named.id,
            draft,
            expires_at,
        })
    }

    /// The draft, if there is one.
    pub(super) async fn head_draft(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, Error> {
        Ok(found(
            self.shared
                .store
                .objects()
                .head(self.shared.store.buckets.draft.name(), key)
                .await,
        )?)
    }
}
