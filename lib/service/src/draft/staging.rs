//! Notes about staged copies, by which a sweep finds what a crash leaves.

use draftstore_protocol::confirm::StagingNote;
use draftstore_storage::{Attributes, DraftVersion, Error as StorageError, ObjectKey, PutDraft};

use super::Drafts;

impl Drafts {
    /// Writes the note of a copy that is about to be staged under a key in main.
    pub(super) async fn write_note(&self, main_key: &ObjectKey) -> Result<DraftVersion, StorageError> {
        let store = &self.shared.store;
        let note = StagingNote {
            ends_at: self.shared.clock.now() + self.shared.confirm_limits.timeout,
            bucket: self.place.as_ref().and_then(|place| place.bucket.clone()),
            main_key: main_key.clone(),
        };
        let put = PutDraft {
            bucket: &store.buckets.draft,
            key: &note.key(rand::random()),
            bytes: &[],
            attributes: Attributes::NONE,
            if_absent: false,
        };
        Ok(DraftVersion {
            etag: store.objects().put_draft(&put).await?,
            key: put.key.clone(),
        })
    }

    /// Deletes the note of a copy that was completed or aborted.
    pub(super) async fn delete_note(&self, note: Option<DraftVersion>) {
        let Some(note) = note else { return };
        let store = &self.shared.store;
        if let Err(error) = store.objects().delete_draft(&store.buckets.draft, &note).await {
            tracing::debug!(object.key = %note.key, error = %error, "staging note left to the sweep");
        }
    }
}
