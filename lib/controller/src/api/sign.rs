//! Signed S3 requests, for clients that speak S3 directly.

use draftstore_service::draft::{RequestSigned, SignRequest};

use super::Api;
use crate::audit::DraftRef;
use crate::errors::Failure;
use crate::gate::Admitted;

impl Api {
    /// Returns the signed request of a multipart upload.
    pub(crate) async fn sign_request(
        &self,
        admitted: &Admitted,
        request: SignRequest,
    ) -> Result<RequestSigned, Failure> {
        let result = self.drafts(admitted).sign_request(&request).await;
        let result = result.map_err(Failure::from);
        if let Some(audit) = &admitted.audit {
            let draft = DraftRef {
                object_name: Some(request.object_name),
                ..DraftRef::default()
            };
            let outcomes = result.as_ref().map(|_| Vec::new());
            audit.decided("SignRequest", &admitted.caller, &[draft], outcomes);
        }
        result
    }
}
