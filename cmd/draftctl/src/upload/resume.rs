//! Resuming of interrupted uploads.

use draftstore_proto::v1::{AbortMultipartUploadRequest, InspectDraftRequest, ListPartsRequest, ListPartsResponse};

use super::file_upload::{FileUpload, UploadedDraft};
use super::parts::{StartedUpload, part_size};
use crate::client::GrpcClient;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::HumanSize;
use crate::state::{StateFile, UploadPhase};

/// The field with the ID of an upload.
const UPLOAD_ID: &str = "upload_id";

impl FileUpload<'_> {
    /// Completes the upload of an earlier run. Returns `None` if there is nothing to resume.
    pub(super) async fn resume(&self, state_file: &StateFile) -> Result<Option<UploadedDraft>, CommandError> {
        let Some(state) = state_file.load()? else {
            return Ok(None);
        };
        if state.stamp != self.source.stamp {
            self.notice("the file has changed since its upload was interrupted: starting over");
            self.abort_upload(state.phase).await;
            state_file.remove()?;
            return Ok(None);
        }
        let resumed = match state.phase {
            UploadPhase::Uploading { upload_id, draft_id } => {
                self.resume_parts(state_file, upload_id, draft_id).await?
            }
            UploadPhase::Completing { upload_id, draft_id } => {
                match self
                    .resume_parts(state_file, upload_id.clone(), draft_id.clone())
                    .await?
                {
                    Some(draft) => Some(draft),
                    // The upload was completed but the response was lost, or it has expired.
                    None => none_if_gone(self.complete(upload_id, draft_id, Vec::new()).await)?,
                }
            }
            UploadPhase::Uploaded {
                draft_id,
                etag,
                idempotency_key,
            } => self.resume_confirm(draft_id, etag, idempotency_key).await?,
        };
        if resumed.is_none() {
            self.notice("the interrupted upload can no longer be continued: starting over");
            state_file.remove()?;
        }
        Ok(resumed)
    }

    async fn resume_parts(
        &self,
        state_file: &StateFile,
        upload_id: String,
        draft_id: Option<String>,
    ) -> Result<Option<UploadedDraft>, CommandError> {
        let request = ListPartsRequest {
            object_name: self.object_name.clone(),
            draft_id: draft_id.clone(),
            upload_id: upload_id.clone(),
        };
        let list = async |mut client: GrpcClient, request| client.list_parts(request).await;
        let listed = self.uploader.server.call(self.output(), request, list).await;
        let Some(listed) = none_if_gone(listed)? else {
            return Ok(None);
        };
        self.report_resumed(&listed);
        let arrived = listed.parts.into_iter().map(|part| (part.part_number, part));
        let upload = StartedUpload {
            upload_id,
            draft_id,
            part_size: part_size(listed.part_size)?,
            arrived: arrived.collect(),
        };
        self.send_parts(state_file, upload).await.map(Some)
    }

    fn report_resumed(&self, listed: &ListPartsResponse) {
        let bytes = listed.parts.iter().map(|part| part.size).sum();
        let size = HumanSize(self.source.size().cast_signed());
        self.notice(&format!(
            "resuming the interrupted upload: {} of {size} have arrived",
            HumanSize(bytes)
        ));
    }

    /// Resumes before the confirm. The draft may already be confirmed, so that only the confirm can tell if it exists.
    async fn resume_confirm(
        &self,
        draft_id: Option<String>,
        etag: String,
        idempotency_key: String,
    ) -> Result<Option<UploadedDraft>, CommandError> {
        let draft = UploadedDraft {
            draft_id: draft_id.clone(),
            etag,
            expires_at: None,
            confirm_key: Some(idempotency_key),
        };
        if self.uploader.options.confirm {
            self.notice("the draft is already uploaded: only confirming it");
            return Ok(Some(draft));
        }
        let request = InspectDraftRequest {
            object_name: self.object_name.clone(),
            draft_id,
        };
        let inspect = async |mut client: GrpcClient, request| client.inspect_draft(request).await;
        let existing = none_if_gone(self.uploader.server.call(self.output(), request, inspect).await)?;
        let existing = existing.filter(|existing| existing.etag == draft.etag);
        Ok(existing.map(|existing| UploadedDraft {
            expires_at: existing.expires_at,
            ..draft
        }))
    }

    /// Aborts an upload that is no longer needed. If this fails, the sweep aborts it later.
    async fn abort_upload(&self, phase: UploadPhase) {
        let (UploadPhase::Uploading { upload_id, draft_id } | UploadPhase::Completing { upload_id, draft_id }) = phase
        else {
            return;
        };
        let request = AbortMultipartUploadRequest {
            object_name: self.object_name.clone(),
            draft_id,
            upload_id,
        };
        let abort = async |mut client: GrpcClient, request| client.abort_multipart_upload(request).await;
        let _ = self.uploader.server.call(self.output(), request, abort).await;
    }
}

/// Converts the error of an upload that cannot be continued to `None`: it no longer exists, or the server does not accept
/// its ID, because its key or its caller is another one now.
fn none_if_gone<T>(result: Result<T, CommandError>) -> Result<Option<T>, CommandError> {
    match result {
        Ok(result) => Ok(Some(result)),
        Err(failure) if failure.exit == Exit::NotFound || failure.is_about(UPLOAD_ID) => Ok(None),
        Err(failure) => Err(failure),
    }
}
