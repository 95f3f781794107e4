//! A draft's URL without a signature, for clients that are told where it is.

use draftstore_storage::PresignGet;

use super::Drafts;
use super::draft_ref::DraftName;
use crate::{Error, Scope};

impl Drafts {
    /// A URL of the draft without what would allow to read it. Asks the store nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, or [`Error::StoreCredentials`] when there is nothing to
    /// sign with.
    pub async fn bare_url(&self, draft: &DraftName) -> Result<String, Error> {
        self.caller.may(Scope::Upload)?;
        let draft = self.draft_named(draft)?;
        let get = PresignGet {
            bucket: self.shared.store.buckets.draft.name(),
            key: &draft.key,
            response_content_disposition: None,
            now: self.shared.clock.now(),
            expires_in: self.shared.policy.download_ttl(),
        };
        let signed = self.shared.store.presign().presign_get(&get).await?.url.expose();
        Ok(signed.split('?').next().unwrap_or_default().to_owned())
    }
}
