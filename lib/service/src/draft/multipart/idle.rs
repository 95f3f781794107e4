//! The completion of uploads whose clients are gone, on a call that looks for their draft.

use draftstore_protocol::upload::CompletionEnd;
use draftstore_storage::{ObjectInfo, ObjectKey, UploadId};

use crate::Error;
use crate::completion::{CompletionRules, StoredUpload};
use crate::draft::Drafts;
use crate::events::EventKind;

/// The maximum number of uploads of one draft that a call tries to complete. The sweep tries all.
const MAX_TRIED: usize = 4;

impl Drafts {
    /// Returns the metadata of a draft, like [`Drafts::head_draft`]. If it does not exist, completes an upload that creates
    /// it, and whose client is gone.
    pub(in crate::draft) async fn find_draft(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, Error> {
        match self.head_draft(key).await? {
            None if self.complete_idle(key).await? => Ok(self.head_draft(key).await?),
            found => Ok(found),
        }
    }

    /// Completes an upload that creates this draft, if its client is gone. Returns `true` if the draft may exist now.
    pub(in crate::draft) async fn complete_idle(&self, key: &ObjectKey) -> Result<bool, Error> {
        if self.shared.policy.complete_idle_after().is_none() {
            return Ok(false);
        }
        let mut uploads = self.uploads_of(key).await?;
        // The newest first: it is what the client meant last.
        uploads.sort_by_key(|upload| std::cmp::Reverse(upload.initiated));
        for upload in uploads.iter().take(MAX_TRIED) {
            if self.complete_if_idle(key, &upload.upload_id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Completes an upload if its client is gone. Returns `true` if its draft may exist now.
    pub(super) async fn complete_if_idle(&self, key: &ObjectKey, upload_id: &UploadId) -> Result<bool, Error> {
        let Some(idle_after) = self.shared.policy.complete_idle_after() else {
            return Ok(false);
        };
        let upload = StoredUpload { key, upload_id };
        let now = self.shared.clock.now();
        let rules = CompletionRules {
            idle_after,
            now,
            is_wanted: self.courier().is_wanted(EventKind::DraftUploaded),
        };
        let (ended, act) = upload.complete(&self.shared.store, rules).await;
        match ended? {
            CompletionEnd::Completed(_) => {
                tracing::info!(object.key = %key, "idle upload completed");
                if let Some(observer) = &self.shared.observer {
                    observer.completed();
                }
                self.arrived_in_background(key, act);
                Ok(true)
            }
            // Another has completed it meanwhile, or uploaded the draft.
            CompletionEnd::Taken | CompletionEnd::Gone => Ok(true),
            CompletionEnd::NotPlanned | CompletionEnd::NotDue => Ok(false),
        }
    }
}
