//! Listing of the parts of an upload.

use std::time::SystemTime;

use draftstore_storage::ListedPart;

use super::{Upload, UploadName};
use crate::completion::StoredUpload;
use crate::draft::Drafts;
use crate::{Error, Missing, Scope};

/// The current state of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// All parts that have arrived, in ascending order of their numbers.
    pub parts: Vec<ListedPart>,
    /// The size of every part except the last, in bytes.
    pub part_size: u64,
    /// The number of parts, if the size of the whole draft is known.
    pub part_count: Option<u16>,
    /// The size of the whole draft in bytes, if it was declared.
    pub content_length: Option<u64>,
    /// `true` if every part must be sent with its SHA-256.
    pub part_checksums: bool,
    /// The time at which the upload ends.
    pub expires_at: SystemTime,
}

impl Drafts {
    /// Returns the parameters of an upload, and the parts that have arrived. If all of them have, and their client is gone,
    /// completes the upload.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Missing::Upload`] if the upload was
    /// completed, was aborted or has ended, or an error of the store.
    pub async fn list_parts(&self, name: &UploadName) -> Result<UploadStatus, Error> {
        self.caller.require(Scope::Upload)?;
        let upload = self.upload(name)?;
        self.check_live(&upload)?;
        let parts = self.arrived(&upload).await?;
        let parts = parts.ok_or(Error::NotFound(Missing::Upload))?;
        if upload.token.is_complete(&parts) {
            self.complete_if_idle(&upload.draft.key, &upload.token.upload_id)
                .await?;
        }
        Ok(UploadStatus {
            parts,
            part_size: upload.token.part_size,
            part_count: upload.token.part_count(),
            content_length: upload.token.content_length,
            part_checksums: upload.token.part_checksums,
            expires_at: upload.ends_at(),
        })
    }

    /// Lists all parts that have arrived, or returns `None` if the upload does not exist.
    pub(super) async fn arrived(&self, upload: &Upload) -> Result<Option<Vec<ListedPart>>, Error> {
        let stored = StoredUpload {
            key: &upload.draft.key,
            upload_id: &upload.token.upload_id,
        };
        let arrived = stored.arrived(&self.shared.store).await?;
        Ok(arrived.map(|arrived| arrived.parts))
    }
}
