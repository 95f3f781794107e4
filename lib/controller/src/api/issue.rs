//! The calls that issue URLs for uploads and downloads.

use std::collections::BTreeMap;

use draftstore_proto::v1::upload_url_outcome::Outcome as One;
use draftstore_proto::{Timestamp, v1};
use draftstore_service::Error;
use draftstore_service::draft::{Disposition, IssueDownload, IssueUpload, Stage, UploadIssued};

use super::options::requested;
use super::{Api, Mapping, headers, size};
use crate::audit::Outcome;
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::GetUploadUrlRequest {
    type Response = v1::GetUploadUrlResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let object_name = self.object_name.clone();
        let issued = api.drafts(admitted).issue_upload(&upload(self)).await?;
        Ok(upload_url(object_name, issued))
    }

    fn outcomes(response: &Self::Response) -> Vec<Outcome> {
        vec![Outcome::issued(response.draft_id.as_ref())]
    }

    fn signed_headers(response: &mut Self::Response) -> Vec<&mut BTreeMap<String, String>> {
        vec![&mut response.headers]
    }
}

impl Mapping for v1::BatchGetUploadUrLsRequest {
    type Response = v1::BatchGetUploadUrLsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let uploads: Vec<_> = self.uploads.into_iter().map(upload).collect();
        let issued = api.drafts(admitted).issue_uploads(&uploads).await?;
        let success = issued.iter().all(Result::is_ok);
        let outcome = |(upload, issued): (IssueUpload, Result<UploadIssued, Error>)| v1::UploadUrlOutcome {
            outcome: Some(match issued {
                Ok(issued) => One::Issued(upload_url(upload.object_name, issued)),
                Err(error) => One::Error(Failure::from(error).outcome()),
            }),
        };
        Ok(v1::BatchGetUploadUrLsResponse {
            outcomes: uploads.into_iter().zip(issued).map(outcome).collect(),
            success,
        })
    }

    fn outcomes(response: &Self::Response) -> Vec<Outcome> {
        let outcome = |one: &v1::UploadUrlOutcome| match &one.outcome {
            Some(One::Issued(issued)) => Outcome::issued(issued.draft_id.as_ref()),
            Some(One::Error(error)) => Outcome::refused(&error.reason),
            None => Outcome::default(),
        };
        response.outcomes.iter().map(outcome).collect()
    }

    fn signed_headers(response: &mut Self::Response) -> Vec<&mut BTreeMap<String, String>> {
        let outcomes = response.outcomes.iter_mut().filter_map(|one| one.outcome.as_mut());
        let headers = outcomes.filter_map(|outcome| match outcome {
            One::Issued(issued) => Some(&mut issued.headers),
            One::Error(_) => None,
        });
        headers.collect()
    }
}

impl Mapping for v1::GetDownloadUrlRequest {
    type Response = v1::GetDownloadUrlResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let stage = stage(self.stage)?;
        let disposition = disposition(self.disposition)?;
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let issued = drafts
            .issue_download(&IssueDownload {
                object_name: self.object_name,
                stage,
                expires_in: self.expires_in,
                filename: self.filename,
                unchecked: self.unchecked,
                disposition,
                draft_id: self.draft_id,
                version_id: self.version_id,
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
            content_type: issued.content_type.map(|content_type| content_type.to_string()),
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
        headers: headers([
            request.cache_control,
            request.content_disposition,
            request.content_encoding,
            request.content_language,
            request.expires,
        ]),
        metadata: request.metadata,
        options: requested(request.storage_options),
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

fn stage(number: i32) -> Result<Option<Stage>, Failure> {
    match v1::Stage::try_from(number) {
        Ok(v1::Stage::Unspecified) => Ok(None),
        Ok(v1::Stage::Draft) => Ok(Some(Stage::Draft)),
        Ok(v1::Stage::Main) => Ok(Some(Stage::Main)),
        Err(_) => Err(Failure::invalid("stage", "must be STAGE_DRAFT, STAGE_MAIN or unset")),
    }
}

fn disposition(number: i32) -> Result<Disposition, Failure> {
    match v1::Disposition::try_from(number) {
        Ok(v1::Disposition::Unspecified) => Ok(Disposition::Safe),
        Ok(v1::Disposition::Attachment) => Ok(Disposition::Attachment),
        Ok(v1::Disposition::Inline) => Ok(Disposition::Inline),
        Err(_) => Err(Failure::invalid(
            "disposition",
            "must be DISPOSITION_ATTACHMENT, DISPOSITION_INLINE or unset",
        )),
    }
}
