//! Confirms: of one draft, and of many.

use std::sync::Arc;

use draftstore_proto::v1;
use draftstore_proto::v1::confirm_outcome::Outcome;
use draftstore_service::draft::{ConfirmBatch, ConfirmUpload, Confirmed};
use draftstore_service::{Caller, Error};

use super::{Calls, size};
use crate::outcome::outcome_error;

impl Calls {
    pub(crate) async fn confirm_upload(
        &self,
        caller: &Arc<Caller>,
        request: v1::ConfirmUploadRequest,
    ) -> Result<v1::ConfirmUploadResponse, Error> {
        self.confirms.take(&caller.name, 1)?;
        self.drafts(caller).confirm(&confirm(request)).await.map(confirmed)
    }

    pub(crate) async fn batch_confirm_uploads(
        &self,
        caller: &Arc<Caller>,
        request: v1::BatchConfirmUploadsRequest,
    ) -> Result<v1::BatchConfirmUploadsResponse, Error> {
        self.confirms.take(&caller.name, request.uploads.len())?;
        let batch = ConfirmBatch {
            uploads: request.uploads.into_iter().map(confirm).collect(),
            atomic: request.atomic,
        };
        let results = self.drafts(caller).confirm_batch(batch).await?;
        let success = results.iter().all(Result::is_ok);
        let outcome = |result: Result<Confirmed, Error>| v1::ConfirmOutcome {
            outcome: Some(match result {
                Ok(kept) => Outcome::Confirmed(confirmed(kept)),
                Err(error) => Outcome::Error(outcome_error(&error)),
            }),
        };
        Ok(v1::BatchConfirmUploadsResponse {
            outcomes: results.into_iter().map(outcome).collect(),
            success,
        })
    }
}

fn confirm(request: v1::ConfirmUploadRequest) -> ConfirmUpload {
    ConfirmUpload {
        object_name: request.object_name,
        if_match: request.if_match,
        draft_id: request.draft_id,
        destination_name: request.destination_name,
        content_length: request.content_length,
        checksum_sha256: request.checksum_sha256,
        overwrite: request.overwrite,
        overwrite_if_match: request.overwrite_if_match,
        idempotency_key: request.idempotency_key,
    }
}

fn confirmed(confirmed: Confirmed) -> v1::ConfirmUploadResponse {
    v1::ConfirmUploadResponse {
        success: true,
        final_location: confirmed.final_location,
        etag: confirmed.etag.to_string(),
        size: size(confirmed.size),
        content_type: confirmed.content_type,
        replayed: confirmed.replayed,
    }
}
