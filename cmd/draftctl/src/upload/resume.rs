//! Going on from where an earlier run was interrupted.

use draftstore_proto::v1::{AbortMultipartUploadRequest, InspectDraftRequest, ListPartsRequest, ListPartsResponse};

use super::job::{Job, Stored};
use super::multipart::{Begun, part_size};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Size;
use crate::server::Stub;
use crate::state::{Memory, Phase};

impl Job<'_> {
    /// The draft that an earlier run began, brought to its end; none where there is nothing to go on from.
    pub(super) async fn resume(&self, memory: &Memory) -> Result<Option<Stored>, Failure> {
        let Some(record) = memory.recall()? else {
            return Ok(None);
        };
        if record.stamp != self.source.stamp {
            self.notice("it has changed since an upload of it was interrupted: beginning anew");
            self.give_up(record.phase).await;
            memory.forget()?;
            return Ok(None);
        }
        let resumed = match record.phase {
            Phase::Uploading { upload_id, draft_id } => self.resume_parts(memory, upload_id, draft_id).await?,
            Phase::Completing { upload_id, draft_id } => {
                match self.resume_parts(memory, upload_id.clone(), draft_id.clone()).await? {
                    Some(draft) => Some(draft),
                    // It is gone because it was completed, and the answer did not come; or it has expired.
                    None => found(self.complete(upload_id, draft_id, Vec::new()).await)?,
                }
            }
            Phase::Uploaded {
                draft_id,
                etag,
                idempotency_key,
            } => self.resume_confirm(draft_id, etag, idempotency_key).await?,
        };
        if resumed.is_none() {
            self.notice("an interrupted upload of it is not there any more: beginning anew");
            memory.forget()?;
        }
        Ok(resumed)
    }

    async fn resume_parts(
        &self,
        memory: &Memory,
        upload_id: String,
        draft_id: Option<String>,
    ) -> Result<Option<Stored>, Failure> {
        let request = ListPartsRequest {
            object_name: self.object_name.clone(),
            draft_id: draft_id.clone(),
            upload_id: upload_id.clone(),
        };
        let list = async |mut stub: Stub, request| stub.list_parts(request).await;
        let listed = self.uploader.server.call(self.output(), request, list).await;
        let Some(listed) = found(listed)? else {
            return Ok(None);
        };
        self.say_how_much(&listed);
        let arrived = listed.parts.into_iter().map(|part| (part.part_number, part));
        let begun = Begun {
            upload_id,
            draft_id,
            part_size: part_size(listed.part_size)?,
            arrived: arrived.collect(),
        };
        self.send_parts(memory, begun).await.map(Some)
    }

    fn say_how_much(&self, listed: &ListPartsResponse) {
        let bytes = listed.parts.iter().map(|part| part.size).sum();
        let size = Size(self.source.size().cast_signed());
        self.notice(&format!(
            "going on where it was interrupted: {} of {size} had arrived",
            Size(bytes)
        ));
    }

    /// What is to be confirmed may have been confirmed already, so that only the confirm can tell whether it is there.
    async fn resume_confirm(
        &self,
        draft_id: Option<String>,
        etag: String,
        idempotency_key: String,
    ) -> Result<Option<Stored>, Failure> {
        let draft = Stored {
            draft_id: draft_id.clone(),
            etag,
            expires_at: None,
            confirm_begun: Some(idempotency_key),
        };
        if self.uploader.options.confirm {
            self.notice("it was uploaded before it was interrupted: only the confirm is missing");
            return Ok(Some(draft));
        }
        let request = InspectDraftRequest {
            object_name: self.object_name.clone(),
            draft_id,
        };
        let inspect = async |mut stub: Stub, request| stub.inspect_draft(request).await;
        let there = found(self.uploader.server.call(self.output(), request, inspect).await)?;
        let there = there.filter(|there| there.etag == draft.etag);
        Ok(there.map(|there| Stored {
            expires_at: there.expires_at,
            ..draft
        }))
    }

    /// Frees what is of no use any more. What cannot be freed now is freed by the sweep.
    async fn give_up(&self, phase: Phase) {
        let (Phase::Uploading { upload_id, draft_id } | Phase::Completing { upload_id, draft_id }) = phase else {
            return;
        };
        let request = AbortMultipartUploadRequest {
            object_name: self.object_name.clone(),
            draft_id,
            upload_id,
        };
        let abort = async |mut stub: Stub, request| stub.abort_multipart_upload(request).await;
        let _ = self.uploader.server.call(self.output(), request, abort).await;
    }
}

/// None where the server says that it is not there.
fn found<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.exit == Exit::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}
