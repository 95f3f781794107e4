//! The calls of the contract, on its own messages: what both fronts have in common.

use draftstore_proto::v1::confirm_outcome::Outcome;
use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{
    ConfirmBatch, ConfirmUpload, Confirmed, Disposition, DraftInspected, DraftListed, DraftName, IssueDownload,
    IssueUpload, ListDrafts, Stage,
};
use draftstore_service::{Drafts, Error, Violation};

use crate::outcome::outcome_error;

/// One method an rpc.
#[derive(Debug, Clone)]
pub struct Api {
    drafts: Drafts,
}

impl Api {
    /// The calls, answered by this service.
    pub fn new(drafts: Drafts) -> Self {
        Self { drafts }
    }

    pub(crate) async fn create_draft_bucket(
        &self,
        _request: v1::CreateDraftBucketRequest,
    ) -> Result<v1::CreateDraftBucketResponse, Error> {
        let ready = self.drafts.create_buckets().await?;
        Ok(v1::CreateDraftBucketResponse {
            draft_bucket: ready.draft.to_string(),
            main_bucket: ready.main.to_string(),
            created: ready.created.iter().map(ToString::to_string).collect(),
            cors_applied: ready.cors_applied,
        })
    }

    pub(crate) async fn get_upload_url(
        &self,
        request: v1::GetUploadUrlRequest,
    ) -> Result<v1::GetUploadUrlResponse, Error> {
        let object_name = request.object_name.clone();
        let issued = self
            .drafts
            .issue_upload(&IssueUpload {
                object_name: request.object_name,
                content_type: request.content_type,
                content_length: request.content_length,
                checksum_sha256: request.checksum_sha256,
                metadata: request.metadata,
                expires_in: request.expires_in,
                unique: request.unique,
                draft_lifetime: request.draft_lifetime,
            })
            .await?;
        Ok(v1::GetUploadUrlResponse {
            upload_url: issued.request.url.expose(),
            object_name,
            expires_at: Some(Timestamp::from(issued.request.expires_at)),
            method: issued.request.method.as_str().to_owned(),
            headers: issued.request.headers,
            draft_id: issued.draft_id.map(|id| id.to_string()),
        })
    }

    pub(crate) async fn get_download_url(
        &self,
        request: v1::GetDownloadUrlRequest,
    ) -> Result<v1::GetDownloadUrlResponse, Error> {
        let stage = stage(request.stage)?;
        let disposition = disposition(request.disposition)?;
        let object_name = request.object_name.clone();
        let issued = self
            .drafts
            .issue_download(&IssueDownload {
                object_name: request.object_name,
                stage,
                expires_in: request.expires_in,
                filename: request.filename,
                unchecked: request.unchecked,
                disposition,
                draft_id: request.draft_id,
            })
            .await?;
        let object = issued.object.as_ref();
        Ok(v1::GetDownloadUrlResponse {
            download_url: issued.request.url.expose(),
            object_name,
            expires_at: Some(Timestamp::from(issued.request.expires_at)),
            stage: match issued.stage {
                Stage::Draft => v1::Stage::Draft.into(),
                Stage::Main => v1::Stage::Main.into(),
            },
            etag: object.map(|object| object.etag.to_string()),
            size: object.map(|object| size(object.size)),
            content_type: issued.object.and_then(|object| object.attributes.content_type),
        })
    }

    pub(crate) async fn confirm_upload(
        &self,
        request: v1::ConfirmUploadRequest,
    ) -> Result<v1::ConfirmUploadResponse, Error> {
        self.drafts.confirm(&confirm(request)).await.map(confirmed)
    }

    pub(crate) async fn batch_confirm_uploads(
        &self,
        request: v1::BatchConfirmUploadsRequest,
    ) -> Result<v1::BatchConfirmUploadsResponse, Error> {
        let batch = ConfirmBatch {
            uploads: request.uploads.into_iter().map(confirm).collect(),
            atomic: request.atomic,
        };
        let results = self.drafts.confirm_batch(batch).await?;
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

    pub(crate) async fn inspect_draft(
        &self,
        request: v1::InspectDraftRequest,
    ) -> Result<v1::InspectDraftResponse, Error> {
        let name = DraftName {
            object_name: request.object_name,
            draft_id: request.draft_id,
        };
        let DraftInspected { draft, expires_at } = self.drafts.inspect(&name).await?;
        Ok(v1::InspectDraftResponse {
            object_name: name.object_name,
            draft_id: name.draft_id,
            etag: draft.etag.to_string(),
            size: size(draft.size),
            content_type: draft.attributes.content_type,
            checksum_sha256: draft.checksum_sha256.map(|checksum| checksum.to_string()),
            metadata: draft.attributes.metadata,
            expires_at: Some(Timestamp::from(expires_at)),
        })
    }

    pub(crate) async fn discard_draft(
        &self,
        request: v1::DiscardDraftRequest,
    ) -> Result<v1::DiscardDraftResponse, Error> {
        let name = DraftName {
            object_name: request.object_name,
            draft_id: request.draft_id,
        };
        let discarded = self.drafts.discard(&name).await?;
        Ok(v1::DiscardDraftResponse { discarded })
    }

    pub(crate) async fn list_drafts(&self, request: v1::ListDraftsRequest) -> Result<v1::ListDraftsResponse, Error> {
        let request = ListDrafts {
            page_size: request.page_size,
            page_token: request.page_token,
        };
        let page = self.drafts.list(&request).await?;
        let draft = |draft: DraftListed| v1::Draft {
            object_name: draft.object_name,
            draft_id: draft.draft_id.map(|id| id.to_string()),
            etag: draft.etag.to_string(),
            size: size(draft.size),
            expires_at: Some(Timestamp::from(draft.expires_at)),
        };
        Ok(v1::ListDraftsResponse {
            drafts: page.drafts.into_iter().map(draft).collect(),
            next_page_token: page.next_page_token,
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

fn stage(number: i32) -> Result<Option<Stage>, Error> {
    match v1::Stage::try_from(number) {
        Ok(v1::Stage::Unspecified) => Ok(None),
        Ok(v1::Stage::Draft) => Ok(Some(Stage::Draft)),
        Ok(v1::Stage::Main) => Ok(Some(Stage::Main)),
        Err(_) => Err(unknown("stage", "must be STAGE_DRAFT, STAGE_MAIN or unset")),
    }
}

fn disposition(number: i32) -> Result<Disposition, Error> {
    match v1::Disposition::try_from(number) {
        Ok(v1::Disposition::Unspecified) => Ok(Disposition::Safe),
        Ok(v1::Disposition::Attachment) => Ok(Disposition::Attachment),
        Ok(v1::Disposition::Inline) => Ok(Disposition::Inline),
        Err(_) => Err(unknown(
            "disposition",
            "must be DISPOSITION_ATTACHMENT, DISPOSITION_INLINE or unset",
        )),
    }
}

fn unknown(field: &str, rule: &str) -> Error {
    Error::Invalid(vec![Violation::new(field, rule)])
}

/// No store holds objects of 2^63 bytes.
fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
