//! Saying which parts have arrived.

use std::time::SystemTime;

use draftstore_storage::{ErrorKind, ListParts, ListedPart};

use super::{Upload, UploadName};
use crate::draft::Drafts;
use crate::{Error, Missing, Scope};

/// An upload as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// All parts that have arrived, in order of their numbers.
    pub parts: Vec<ListedPart>,
    /// The size of every part but the last.
    pub part_size: u64,
    /// How many parts that makes, where the size of the whole is known.
    pub part_count: Option<u16>,
    /// The size of the whole, where it was said.
    pub content_length: Option<u64>,
    /// Whether every part comes with its SHA-256.
    pub part_checksums: bool,
    /// When the upload ends.
    pub expires_at: SystemTime,
}

impl Drafts {
    /// Says how the upload was begun, and which of its parts have arrived.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, [`Missing::Upload`] when it was completed, aborted, or has
    /// ended, or those of the store.
    pub async fn list_parts(&self, name: &UploadName) -> Result<UploadStatus, Error> {
        self.caller.may(Scope::Upload)?;
        let upload = self.upload(name)?;
        self.live(&upload)?;
        let parts = self.arrived(&upload).await?;
        Ok(UploadStatus {
            parts: parts.ok_or(Error::NotFound(Missing::Upload))?,
            part_size: upload.token.part_size,
            part_count: upload.token.part_count(),
            content_length: upload.token.content_length,
            part_checksums: upload.token.part_checksums,
            expires_at: upload.ends_at(),
        })
    }

    /// All parts that have arrived, page by page; none where there is no such upload.
    pub(super) async fn arrived(&self, upload: &Upload) -> Result<Option<Vec<ListedPart>>, Error> {
        let mut parts = Vec::new();
        let mut after = None;
        loop {
            let request = ListParts {
                bucket: &self.shared.store.buckets.draft,
                key: &upload.draft.key,
                upload_id: &upload.token.upload_id,
                after,
                max_parts: None,
            };
            let page = match self.shared.store.objects().list_parts(&request).await {
                Ok(page) => page,
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            parts.extend(page.parts);
            // A store that does not go forward would have us ask for ever.
            if page.next <= after {
                return Ok(Some(parts));
            }
            after = page.next;
        }
    }
}
