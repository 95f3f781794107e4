//! One method an rpc: decode, call, encode.

use std::sync::Arc;

use draftstore_proto::v1;
use draftstore_proto::v1::draft_service_server::DraftService;
use draftstore_service::Caller;
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
        let (caller, request) = caller(request)?;
        let answer = self.0.create_draft_bucket(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn get_upload_url(
        &self,
        request: Request<v1::GetUploadUrlRequest>,
    ) -> Result<Response<v1::GetUploadUrlResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.get_upload_url(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn get_download_url(
        &self,
        request: Request<v1::GetDownloadUrlRequest>,
    ) -> Result<Response<v1::GetDownloadUrlResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.get_download_url(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn confirm_upload(
        &self,
        request: Request<v1::ConfirmUploadRequest>,
    ) -> Result<Response<v1::ConfirmUploadResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.confirm_upload(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn batch_confirm_uploads(
        &self,
        request: Request<v1::BatchConfirmUploadsRequest>,
    ) -> Result<Response<v1::BatchConfirmUploadsResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.batch_confirm_uploads(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn inspect_draft(
        &self,
        request: Request<v1::InspectDraftRequest>,
    ) -> Result<Response<v1::InspectDraftResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.inspect_draft(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn discard_draft(
        &self,
        request: Request<v1::DiscardDraftRequest>,
    ) -> Result<Response<v1::DiscardDraftResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.discard_draft(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn list_drafts(
        &self,
        request: Request<v1::ListDraftsRequest>,
    ) -> Result<Response<v1::ListDraftsResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.list_drafts(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn batch_get_upload_ur_ls(
        &self,
        request: Request<v1::BatchGetUploadUrLsRequest>,
    ) -> Result<Response<v1::BatchGetUploadUrLsResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.batch_get_upload_urls(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn list_objects(
        &self,
        request: Request<v1::ListObjectsRequest>,
    ) -> Result<Response<v1::ListObjectsResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.list_objects(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn create_multipart_upload(
        &self,
        request: Request<v1::CreateMultipartUploadRequest>,
    ) -> Result<Response<v1::CreateMultipartUploadResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.create_multipart_upload(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn sign_parts(
        &self,
        request: Request<v1::SignPartsRequest>,
    ) -> Result<Response<v1::SignPartsResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.sign_parts(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn list_parts(
        &self,
        request: Request<v1::ListPartsRequest>,
    ) -> Result<Response<v1::ListPartsResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.list_parts(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn complete_multipart_upload(
        &self,
        request: Request<v1::CompleteMultipartUploadRequest>,
    ) -> Result<Response<v1::CompleteMultipartUploadResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.complete_multipart_upload(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn abort_multipart_upload(
        &self,
        request: Request<v1::AbortMultipartUploadRequest>,
    ) -> Result<Response<v1::AbortMultipartUploadResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.abort_multipart_upload(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }

    async fn create_ticket(
        &self,
        request: Request<v1::CreateTicketRequest>,
    ) -> Result<Response<v1::CreateTicketResponse>, Status> {
        let (caller, request) = caller(request)?;
        let answer = self.0.create_ticket(&caller, request).await;
        answer.map(Response::new).map_err(|error| status(&error))
    }
}

/// Who the gate says is asking, and what for.
fn caller<T>(request: Request<T>) -> Result<(Arc<Caller>, T), Status> {
    let caller = request.extensions().get().cloned();
    let caller = caller.ok_or_else(|| Status::internal("the call has not passed the gate"))?;
    Ok((caller, request.into_inner()))
}
