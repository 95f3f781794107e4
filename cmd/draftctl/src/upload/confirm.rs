//! The confirm after an upload, so that an interruption or a repeat has one effect.

use draftstore_proto::v1::{ConfirmUploadRequest, ConfirmUploadResponse};

use super::job::{Job, Stored};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::server::Stub;
use crate::state::{Memory, Phase};

impl Job<'_> {
    /// Confirms exactly the version that was uploaded. Where an earlier run's draft is gone, uploads once more.
    pub(super) async fn confirm(&self, memory: &Memory, draft: &mut Stored) -> Result<ConfirmUploadResponse, Failure> {
        let recalled = draft.confirm_begun.is_some();
        match self.confirm_once(memory, draft).await {
            Err(failure) if failure.exit == Exit::NotFound && recalled => {
                self.notice("what was uploaded before is not there any more: beginning anew");
                memory.forget()?;
                *draft = self.begin(Some(memory)).await?;
                self.confirm_once(memory, draft).await
            }
            answered => answered,
        }
    }

    async fn confirm_once(&self, memory: &Memory, draft: &Stored) -> Result<ConfirmUploadResponse, Failure> {
        let idempotency_key = match &draft.confirm_begun {
            Some(begun) => begun.clone(),
            None => format!("draftctl-{:032x}", rand::random::<u128>()),
        };
        memory.keep(&self.record(Phase::Uploaded {
            draft_id: draft.draft_id.clone(),
            etag: draft.etag.clone(),
            idempotency_key: idempotency_key.clone(),
        }))?;
        let request = ConfirmUploadRequest {
            object_name: self.object_name.clone(),
            if_match: Some(draft.etag.clone()),
            draft_id: draft.draft_id.clone(),
            content_length: Some(self.source.size().cast_signed()),
            overwrite: self.uploader.options.overwrite,
            idempotency_key: Some(idempotency_key),
            ..ConfirmUploadRequest::default()
        };
        let confirm = async |mut stub: Stub, request| stub.confirm_upload(request).await;
        let answered = self.uploader.server.call(self.output(), request, confirm).await;
        // Somebody uploaded something else under the name: what was remembered is nowhere any more.
        if answered
            .as_ref()
            .is_err_and(|failure| failure.exit == Exit::PinMismatch)
        {
            memory.forget()?;
        }
        answered
    }
}
