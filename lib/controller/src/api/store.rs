//! What clients that speak S3 by themselves need to know, or to have signed.

use std::sync::Arc;

use draftstore_service::draft::{DraftName, SignRequest};
use draftstore_service::{Caller, Error};

use super::Api;

impl Api {
    pub(crate) fn draft_bucket(&self) -> String {
        self.drafts.draft_bucket().to_string()
    }

    /// The unique draft of a whole key.
    pub(crate) fn of_whole_key(&self, caller: &Arc<Caller>, key: &str) -> Result<DraftName, Error> {
        self.drafts(caller).of_whole_key(key)
    }

    /// Where the store has a draft.
    pub(crate) fn whole_key(&self, caller: &Arc<Caller>, draft: &DraftName) -> Result<String, Error> {
        self.drafts(caller).whole_key(draft)
    }

    /// A URL of the draft without what would allow to read it.
    pub(crate) async fn bare_url(&self, caller: &Arc<Caller>, draft: &DraftName) -> Result<String, Error> {
        self.drafts(caller).bare_url(draft).await
    }

    /// The URL alone: nothing has to be sent with it.
    pub(crate) async fn sign_request(&self, caller: &Arc<Caller>, request: SignRequest) -> Result<String, Error> {
        let signed = self.drafts(caller).sign_request(&request).await?;
        Ok(signed.url.expose())
    }
}
