//! The URL of a draft without a signature, for clients that expect the location of their upload.

use draftstore_storage::{MediaType, PresignGet};

use super::Drafts;
use super::draft_ref::DraftName;
use crate::{Error, Scope};

impl Drafts {
    /// Returns the URL of a draft without a signature, so that it grants no access. Does not call the store.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, or [`Error::StoreCredentials`] if there are
    /// no credentials to sign with.
    pub async fn unsigned_url(&self, draft: &DraftName) -> Result<String, Error> {
        self.caller.require(Scope::Upload)?;
        let draft = self.parse_draft(draft)?;
        let get = PresignGet {
            bucket: self.shared.store.buckets.draft.name(),
            key: &draft.key,
            version: None,
            if_match: None,
            response_content_type: MediaType::OCTET_STREAM,
            response_content_disposition: "attachment",
            now: self.shared.clock.now(),
            expires_in: self.shared.policy.download_ttl(),
        };
        let signed = self.shared.store.presign().presign_get(&get).await?.url.expose();
        Ok(signed.split('?').next().unwrap_or_default().to_owned())
    }
}
