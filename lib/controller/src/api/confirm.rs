//! The calls that confirm one draft or a batch.

use draftstore_proto::v1;
use draftstore_proto::v1::confirm_outcome::Outcome as One;
use draftstore_service::Error;
use draftstore_service::draft::{ConfirmBatch, ConfirmUpload, Confirmed};

use super::options::requested;
use super::{Api, Mapping, size};
use crate::audit::Outcome;
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::ConfirmUploadRequest {
    type Response = v1::ConfirmUploadResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        api.take_confirms(&admitted.caller, 1)?;
        let kept = api.drafts(admitted).confirm(&confirm(self)).await?;
        Ok(confirmed(kept))
    }

    fn idempotency_key(&mut self) -> Option<&mut Option<String>> {
        Some(&mut self.idempotency_key)
    }
}

impl Mapping for v1::BatchConfirmUploadsRequest {
    type Response = v1::BatchConfirmUploadsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        api.take_confirms(&admitted.caller, self.uploads.len())?;
        let batch = ConfirmBatch {
            uploads: self.uploads.into_iter().map(confirm).collect(),
            atomic: self.atomic,
        };
        let results = api.drafts(admitted).confirm_batch(batch).await?;
        let success = results.iter().all(Result::is_ok);
        let outcome = |result: Result<Confirmed, Error>| v1::ConfirmOutcome {
            outcome: Some(match result {
                Ok(kept) => One::Confirmed(confirmed(kept)),
                Err(error) => One::Error(Failure::from(error).outcome()),
            }),
        };
        Ok(v1::BatchConfirmUploadsResponse {
            outcomes: results.into_iter().map(outcome).collect(),
            success,
        })
    }

    fn outcomes(response: &Self::Response) -> Vec<Outcome> {
        let outcome = |one: &v1::ConfirmOutcome| match &one.outcome {
            Some(One::Error(error)) => Outcome::refused(&error.reason),
            Some(One::Confirmed(_)) | None => Outcome::default(),
        };
        response.outcomes.iter().map(outcome).collect()
    }
}

fn confirm(request: v1::ConfirmUploadRequest) -> ConfirmUpload {
    ConfirmUpload {
        object_name: request.object_name,
        if_match: request.if_match,
        draft_id: request.draft_id,
        destination_name: request.destination_name,
        destination: request.destination,
        content_length: request.content_length,
        checksum_sha256: request.checksum_sha256,
        overwrite: request.overwrite,
        overwrite_if_match: request.overwrite_if_match,
        idempotency_key: request.idempotency_key,
        options: requested(request.storage_options),
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
        version_id: confirmed.version_id.map(|id| id.to_string()),
        replaced_version_id: confirmed.replaced_version_id.map(|id| id.to_string()),
    }
}
