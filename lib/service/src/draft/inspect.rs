//! Inspection of a draft, so that a backend can pin what it confirms.

use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::confirm::Agreement;
use draftstore_protocol::sweep::expires_at;
use draftstore_storage::ObjectInfo;

use super::Drafts;
use super::checks::CheckState;
use super::draft_ref::{DraftName, DraftRef};
use crate::{Error, Missing, Scope};

/// The current state of a draft.
#[derive(Debug, Clone)]
pub struct DraftInspected {
    /// The object name under which the draft was uploaded.
    pub object_name: String,
    /// The ID of a unique draft.
    pub draft_id: Option<DraftId>,
    /// The version that is uploaded, or `None` if nothing has arrived of a unique draft that can still be uploaded.
    pub uploaded: Option<UploadedDraft>,
    /// The time at which the draft expires. A sweep removes it some time later.
    pub expires_at: SystemTime,
    /// The state of the checks, or `None` if the caller's profile has none, or if nothing has arrived.
    pub checks: Option<CheckState>,
}

/// The uploaded version of a draft.
#[derive(Debug, Clone)]
pub struct UploadedDraft {
    /// The metadata of the draft.
    pub draft: ObjectInfo,
    /// The headers and the user metadata that a confirm keeps, and the headers that it drops.
    pub agreement: Agreement,
}

impl Drafts {
    /// Returns the metadata, the expiry and the state of the checks of a draft.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NotFound`] if the draft does not
    /// exist and can no longer be uploaded, or an error of the store.
    pub async fn inspect(&self, name: &DraftName) -> Result<DraftInspected, Error> {
        self.caller.require(Scope::Inspect)?;
        let named = self.parse_draft(name)?;
        let Some(draft) = self.find_draft(&named.key).await? else {
            return self.waiting(&named).await;
        };
        drop(self.start_auto_confirm(&named.key, &draft));
        let expires_at = expires_at(&self.shared.policy, named.id, &draft.etag, draft.last_modified);
        Ok(DraftInspected {
            object_name: named.name.to_string(),
            draft_id: named.id,
            checks: self.check_state(&named.key, &draft).await?,
            uploaded: Some(UploadedDraft {
                agreement: Agreement::of(&draft.attributes),
                draft,
            }),
            expires_at,
        })
    }

    /// Returns the state of a draft that is not there, if it is unique, was not confirmed, and has not expired.
    async fn waiting(&self, named: &DraftRef) -> Result<DraftInspected, Error> {
        let now = self.shared.clock.now();
        let can_arrive_until = named.id.and_then(|id| self.shared.policy.can_arrive_until(id, now));
        match can_arrive_until {
            Some(expires_at) if self.confirmed_versions(named).await?.is_empty() => Ok(DraftInspected {
                object_name: named.name.to_string(),
                draft_id: named.id,
                uploaded: None,
                expires_at,
                checks: None,
            }),
            _ => Err(Error::NotFound(Missing::Draft)),
        }
    }
}
