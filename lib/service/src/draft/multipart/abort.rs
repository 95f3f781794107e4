//! Abort of a multipart upload.

use super::UploadName;
use crate::draft::Drafts;
use crate::{Error, Scope};

impl Drafts {
    /// Aborts an upload and frees its parts. Idempotent: succeeds if the upload was completed, was aborted or has
    /// ended.
    ///
    /// A part that is uploaded concurrently may remain until a sweep.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, or an error of the store.
    pub async fn abort_multipart(&self, name: &UploadName) -> Result<(), Error> {
        self.caller.require(Scope::Upload)?;
        let upload = self.upload(name)?;
        let (objects, bucket) = (self.shared.store.objects(), &self.shared.store.buckets.draft);
        objects
            .abort_upload(bucket, &upload.draft.key, &upload.token.upload_id)
            .await?;
        Ok(())
    }
}
