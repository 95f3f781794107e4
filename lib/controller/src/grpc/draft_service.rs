//! One method an rpc: decode, call, encode.

use draftstore_proto::v1;
use draftstore_proto::v1::draft_service_server::DraftService;
use tonic::{Request, Response, Status};

use super::status::status;
use crate::Api;

/// The contract's service.
#[derive(Debug)]
pub(super) struct Front(pub(super) Api);

#[tonic::async_trait]
impl DraftService for Front {
    async fn create_draft_bucket(
        &self,
        request: Request<v1::CreateDraftBucketRequest>,
    ) -> Result<Response<v1::CreateDraftBucketResponse>, Status> {
        let answer = self.0.create_draft_bucket(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn get_upload_url(
        &self,
        request: Request<v1::GetUploadUrlRequest>,
    ) -> Result<Response<v1::GetUploadUrlResponse>, Status> {
        let answer = self.0.get_upload_url(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn get_download_url(
        &self,
        request: Request<v1::GetDownloadUrlRequest>,
    ) -> Result<Response<v1::GetDownloadUrlResponse>, Status> {
        let answer = self.0.get_download_url(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn confirm_upload(
        &self,
        request: Request<v1::ConfirmUploadRequest>,
    ) -> Result<Response<v1::ConfirmUploadResponse>, Status> {
        let answer = self.0.confirm_upload(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn batch_confirm_uploads(
        &self,
        request: Request<v1::BatchConfirmUploadsRequest>,
    ) -> Result<Response<v1::BatchConfirmUploadsResponse>, Status> {
        let answer = self.0.batch_confirm_uploads(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn inspect_draft(
        &self,
        request: Request<v1::InspectDraftRequest>,
    ) -> Result<Response<v1::InspectDraftResponse>, Status> {
        let answer = self.0.inspect_draft(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn discard_draft(
        &self,
        request: Request<v1::DiscardDraftRequest>,
    ) -> Result<Response<v1::DiscardDraftResponse>, Status> {
        let answer = self.0.discard_draft(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn list_drafts(
        &self,
        request: Request<v1::ListDraftsRequest>,
    ) -> Result<Response<v1::ListDraftsResponse>, Status> {
        let answer = self.0.list_drafts(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn batch_get_upload_ur_ls(
        &self,
        request: Request<v1::BatchGetUploadUrLsRequest>,
    ) -> Result<Response<v1::BatchGetUploadUrLsResponse>, Status> {
        let answer = self.0.batch_get_upload_urls(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn list_objects(
        &self,
        request: Request<v1::ListObjectsRequest>,
    ) -> Result<Response<v1::ListObjectsResponse>, Status> {
        let answer = self.0.list_objects(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn create_multipart_upload(
        &self,
        request: Request<v1::CreateMultipartUploadRequest>,
    ) -> Result<Response<v1::CreateMultipartUploadResponse>, Status> {
        let answer = self.0.create_multipart_upload(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn sign_parts(
        &self,
        request: Request<v1::SignPartsRequest>,
    ) -> Result<Response<v1::SignPartsResponse>, Status> {
        let answer = self.0.sign_parts(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn list_parts(
        &self,
        request: Request<v1::ListPartsRequest>,
    ) -> Result<Response<v1::ListPartsResponse>, Status> {
        let answer = self.0.list_parts(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn complete_multipart_upload(
        &self,
        request: Request<v1::CompleteMultipartUploadRequest>,
    ) -> Result<Response<v1::CompleteMultipartUploadResponse>, Status> {
        let answer = self.0.complete_multipart_upload(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn abort_multipart_upload(
        &self,
        request: Request<v1::AbortMultipartUploadRequest>,
    ) -> Result<Response<v1::AbortMultipartUploadResponse>, Status> {
        let answer = self.0.abort_multipart_upload(request.into_inner()).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }
}
