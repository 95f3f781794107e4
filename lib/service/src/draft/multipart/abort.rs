//! Giving an upload up.

use super::UploadName;
use crate::draft::Drafts;
use crate::{Error, Scope};

impl Drafts {
    /// Gives an upload up and frees its parts. Idempotent: one that was completed, aborted, or has ended is no error. A part
    /// that is on its way at that moment may stay until a sweep.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, or those of the store.
    pub async fn abort_multipart(&self, name: &UploadName) -> Result<(), Error> {
        self.caller.may(Scope::Upload)?;
        let upload = self.upload(name)?;
        let (objects, bucket) = (self.shared.store.objects(), &self.shared.store.buckets.draft);
        objects
            .abort_upload(bucket, &upload.draft.key, &upload.token.upload_id)
            .await?;
        Ok(())
    }
}
