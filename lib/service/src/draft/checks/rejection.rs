//! Notes about rejected drafts, by which a sweep removes them before they expire.

use std::time::Duration;

use draftstore_protocol::DraftId;
use draftstore_protocol::checks::{REJECTED_METADATA, RejectedDraft, RejectionNote};
use draftstore_protocol::sweep::expires_at;
use draftstore_storage::{Attributes, PutDraft};

use super::Subject;
use crate::draft::Drafts;

impl Subject {
    /// Writes the note about this version, which the checks reject, if the settings say how long to keep it. Without a note,
    /// it expires like any draft.
    pub(super) async fn note_rejection(&self, drafts: &Drafts) {
        let shared = &drafts.shared;
        let keep = self.settings.keep_rejected.map(Duration::from_secs);
        let remove_at = keep.and_then(|keep| shared.clock.now().checked_add(keep));
        let (draft, id) = (&self.draft, DraftId::in_key(&self.draft_key));
        let expires_at = expires_at(&shared.policy, id, &draft.etag, draft.last_modified);
        let Some(remove_at) = remove_at.filter(|remove_at| *remove_at < expires_at) else {
            return;
        };
        let rejected = RejectedDraft::new(&self.draft_key, draft);
        let attributes = Attributes {
            metadata: [(REJECTED_METADATA.to_owned(), rejected.to_text())].into(),
            ..Attributes::default()
        };
        let put = PutDraft {
            bucket: &shared.store.buckets.draft,
            key: &RejectionNote { remove_at }.key(rand::random()),
            bytes: &[],
            attributes: &attributes,
            if_absent: false,
        };
        if let Err(error) = shared.store.objects().put_draft(&put).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(object.key = %self.draft_key, error, "rejected draft left to expire");
        }
    }
}
