//! The confirm after an upload, which has one effect even if it is interrupted and repeated.

use draftstore_proto::v1::{ConfirmUploadRequest, ConfirmUploadResponse};

use super::file_upload::{FileUpload, UploadedDraft};
use crate::client::GrpcClient;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::state::{StateFile, UploadPhase};

impl FileUpload<'_> {
    /// Confirms exactly the uploaded version. If the draft of an earlier run no longer exists, uploads it again.
    pub(super) async fn confirm(
        &self,
        state_file: &StateFile,
        draft: &mut UploadedDraft,
    ) -> Result<ConfirmUploadResponse, CommandError> {
        let is_resumed = draft.confirm_key.is_some();
        match self.confirm_once(state_file, draft).await {
            Err(failure) if failure.exit == Exit::NotFound && is_resumed => {
                self.notice("the draft uploaded by an earlier run no longer exists: starting over");
                state_file.remove()?;
                *draft = self.start(state_file).await?;
                self.confirm_once(state_file, draft).await
            }
            result => result,
        }
    }

    async fn confirm_once(
        &self,
        state_file: &StateFile,
        draft: &UploadedDraft,
    ) -> Result<ConfirmUploadResponse, CommandError> {
        let idempotency_key = match &draft.confirm_key {
            Some(key) => key.clone(),
            None => format!("draftctl-{:032x}", rand::random::<u128>()),
        };
        state_file.save(&self.state(UploadPhase::Uploaded {
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
            destination: self.uploader.options.at.clone(),
            idempotency_key: Some(idempotency_key),
            ..ConfirmUploadRequest::default()
        };
        let confirm = async |mut client: GrpcClient, request| client.confirm_upload(request).await;
        let result = self.uploader.server.call(self.output(), request, confirm).await;
        // The stored state is useless after another upload has replaced the draft, or checks have rejected it.
        let is_useless = |failure: &CommandError| matches!(failure.exit, Exit::PinMismatch | Exit::ChecksFailed);
        if result.as_ref().is_err_and(is_useless) {
            state_file.remove()?;
        }
        result
    }
}
