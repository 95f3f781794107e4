//! Deletion of a draft before it expires.

use draftstore_storage::{DraftVersion, ErrorKind};

use super::Drafts;
use super::draft_ref::DraftName;
use crate::{Error, Scope};

impl Drafts {
    /// Deletes the current version of a draft. Returns `false` if there is none. Idempotent.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::PinMismatch`] if the draft was
    /// uploaded again concurrently and is kept, or an error of the store.
    pub async fn discard(&self, name: &DraftName) -> Result<bool, Error> {
        self.caller.require(Scope::Discard)?;
        let keys = self.keys(self.parse_draft(name)?, None);
        let _locked = self.lock([&keys]).await;
        let Some(draft) = self.head_draft(&keys.draft).await? else {
            return Ok(false);
        };
        let version = DraftVersion {
            key: keys.draft,
            etag: draft.etag,
        };
        match self
            .shared
            .store
            .objects()
            .delete_draft(&self.shared.store.buckets.draft, &version)
            .await
        {
            Ok(()) => {
                self.shared.watched.changed(&version.key);
                Ok(true)
            }
            Err(error) if error.kind == ErrorKind::PreconditionFailed => Err(Error::PinMismatch { pin: "object_name" }),
            Err(error) => Err(error.into()),
        }
    }
}
