//! URLs: to upload, and to download.

use std::sync::Arc;

use draftstore_proto::v1::upload_url_outcome::Outcome;
use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{Disposition, IssueDownload, IssueUpload, Stage, UploadIssued};
use draftstore_service::{Caller, Error};

use super::{Calls, size, unknown};
use crate::outcome::outcome_error;

impl Calls {
    pub(crate) async fn get_upload_url(
        &self,
        caller: &Arc<Caller>,
        request: v1::GetUploadUrlRequest,
    ) -> Result<v1::GetUploadUrlResponse, Error> {
        let object_name = request.object_name.clone();
        let issued = self.drafts(caller).issue_upload(&upload(request)).await?;
        Ok(upload_url(object_name, issued))
    }

    pub(crate) async fn batch_get_upload_urls(
        &self,
        caller: &Arc<Caller>,
        request: v1::BatchGetUploadUrLsRequest,
    ) -> Result<v1::BatchGetUploadUrLsResponse, Error> {
        let uploads: Vec<_> = request.uploads.into_iter().map(upload).collect();
        let issued = self.drafts(caller).issue_uploads(&uploads).await?;
        let success = issued.iter().all(Result::is_ok);
        let outcome = |(upload, issued): (IssueUpload, Result<UploadIssued, Error>)| v1::UploadUrlOutcome {
            outcome: Some(match issued {
                Ok(issued) => Outcome::Issued(upload_url(upload.object_name, issued)),
                Err(error) => Outcome::Error(outcome_error(&error)),
            }),
        };
        Ok(v1::BatchGetUploadUrLsResponse {
            outcomes: uploads.into_iter().zip(issued).map(outcome).collect(),
            success,
        })
    }

    pub(crate) async fn get_download_url(
        &self,
        caller: &Arc<Caller>,
        request: v1::GetDownloadUrlRequest,
    ) -> Result<v1::GetDownloadUrlResponse, Error> {
        let stage = stage(request.stage)?;
        let disposition = disposition(request.disposition)?;
        let issued = self
            .drafts(caller)
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
            object_name: issued.object_name,
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
}

fn upload(request: v1::GetUploadUrlRequest) -> IssueUpload {
    IssueUpload {
        object_name: request.object_name,
        content_type: request.content_type,
        content_length: request.content_length,
        max_content_length: request.max_content_length,
        checksum_sha256: request.checksum_sha256,
        metadata: request.metadata,
        expires_in: request.expires_in,
        unique: request.unique,
        draft_lifetime: request.draft_lifetime,
    }
}

fn upload_url(object_name: String, issued: UploadIssued) -> v1::GetUploadUrlResponse {
    let UploadIssued { request, draft_id } = issued;
    v1::GetUploadUrlResponse {
        upload_url: request.url.expose(),
        object_name,
        expires_at: Some(Timestamp::from(request.expires_at)),
        method: request.method.as_str().to_owned(),
        headers: request.headers,
        draft_id: draft_id.map(|id| id.to_string()),
        fields: request.fields.expose(),
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
