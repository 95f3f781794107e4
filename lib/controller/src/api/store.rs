//! What clients that speak S3 by themselves need to have signed.

use std::sync::Arc;

use draftstore_service::draft::SignRequest;
use draftstore_service::{Caller, Error};

use super::Calls;

impl Calls {
    /// The URL alone: nothing has to be sent with it.
    pub(crate) async fn sign_request(&self, caller: &Arc<Caller>, request: SignRequest) -> Result<String, Error> {
        let signed = self.drafts(caller).sign_request(&request).await?;
        Ok(signed.url.expose())
    }
}
