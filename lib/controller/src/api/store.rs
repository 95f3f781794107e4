//! What clients that speak S3 by themselves need to know, or to have signed.

use draftstore_service::Error;
use draftstore_service::draft::SignRequest;

use super::Api;

impl Api {
    pub(crate) fn draft_bucket(&self) -> String {
        self.drafts.draft_bucket().to_string()
    }

    /// The URL alone: nothing has to be sent with it.
    pub(crate) async fn sign_request(&self, request: SignRequest) -> Result<String, Error> {
        let signed = self.drafts.sign_request(&request).await?;
        Ok(signed.url.expose())
    }
}
