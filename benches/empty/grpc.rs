//! The gRPC call, implemented like the examples of tonic.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::IntoResponse as _;
use draftstore_connections::PortRefusal;
use draftstore_controller::{Bounds, Gate, Refusal, Service};
use draftstore_proto::v1;
use draftstore_proto::v1::draft_service_server::{DraftService, DraftServiceServer};
use http_body_util::Full;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tower::ServiceExt as _;

use crate::BOUNDS;

/// Returns the service with an implementation of the measured call only.
pub(crate) fn router(response: v1::GetUploadUrlResponse) -> Router {
    Routes::new(DraftServiceServer::new(FixedResponse(response))).into_axum_router()
}

/// The service behind the gate.
pub(crate) struct Guarded {
    gate: Gate,
    service: DraftServiceServer<FixedResponse>,
}

impl Guarded {
    pub(crate) fn new(gate: Gate, answer: v1::GetUploadUrlResponse) -> Self {
        let service = DraftServiceServer::new(FixedResponse(answer));
        Self { gate, service }
    }
}

impl Service for Guarded {
    async fn call(&self, request: axum::extract::Request) -> axum::response::Response {
        let bounds = Bounds { envelope: 5, ..BOUNDS };
        let handler = |_, request: http::Request<Bytes>| async move {
            let Ok(response) = self.service.clone().oneshot(request.map(Full::new)).await;
            response.map(Body::new)
        };
        let refuse = |refusal: Refusal| refusal.to_string().into_response();
        self.gate.call(request, bounds, refuse, handler).await
    }

    fn refused(&self, _: &axum::extract::Request, refusal: PortRefusal) -> axum::response::Response {
        Refusal::from(refusal).to_string().into_response()
    }
}

#[derive(Debug)]
struct FixedResponse(v1::GetUploadUrlResponse);

#[tonic::async_trait]
impl DraftService for FixedResponse {
    async fn create_draft_bucket(
        &self,
        _: Request<v1::CreateDraftBucketRequest>,
    ) -> Result<Response<v1::CreateDraftBucketResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn get_upload_url(
        &self,
        _: Request<v1::GetUploadUrlRequest>,
    ) -> Result<Response<v1::GetUploadUrlResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn get_download_url(
        &self,
        _: Request<v1::GetDownloadUrlRequest>,
    ) -> Result<Response<v1::GetDownloadUrlResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn confirm_upload(
        &self,
        _: Request<v1::ConfirmUploadRequest>,
    ) -> Result<Response<v1::ConfirmUploadResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn batch_confirm_uploads(
        &self,
        _: Request<v1::BatchConfirmUploadsRequest>,
    ) -> Result<Response<v1::BatchConfirmUploadsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn inspect_draft(
        &self,
        _: Request<v1::InspectDraftRequest>,
    ) -> Result<Response<v1::InspectDraftResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn report_scan(&self, _: Request<v1::ReportScanRequest>) -> Result<Response<v1::ReportScanResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn check_draft(&self, _: Request<v1::CheckDraftRequest>) -> Result<Response<v1::CheckDraftResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    type WatchDraftStream = tonic::codegen::BoxStream<v1::WatchDraftResponse>;

    async fn watch_draft(&self, _: Request<v1::WatchDraftRequest>) -> Result<Response<Self::WatchDraftStream>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn discard_draft(
        &self,
        _: Request<v1::DiscardDraftRequest>,
    ) -> Result<Response<v1::DiscardDraftResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_drafts(&self, _: Request<v1::ListDraftsRequest>) -> Result<Response<v1::ListDraftsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn batch_get_upload_ur_ls(
        &self,
        _: Request<v1::BatchGetUploadUrLsRequest>,
    ) -> Result<Response<v1::BatchGetUploadUrLsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_objects(
        &self,
        _: Request<v1::ListObjectsRequest>,
    ) -> Result<Response<v1::ListObjectsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn get_object(&self, _: Request<v1::GetObjectRequest>) -> Result<Response<v1::GetObjectResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn delete_object(
        &self,
        _: Request<v1::DeleteObjectRequest>,
    ) -> Result<Response<v1::DeleteObjectResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn batch_delete_objects(
        &self,
        _: Request<v1::BatchDeleteObjectsRequest>,
    ) -> Result<Response<v1::BatchDeleteObjectsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn update_object(
        &self,
        _: Request<v1::UpdateObjectRequest>,
    ) -> Result<Response<v1::UpdateObjectResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn copy_object(&self, _: Request<v1::CopyObjectRequest>) -> Result<Response<v1::CopyObjectResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn move_object(&self, _: Request<v1::MoveObjectRequest>) -> Result<Response<v1::MoveObjectResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_versions(
        &self,
        _: Request<v1::ListVersionsRequest>,
    ) -> Result<Response<v1::ListVersionsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn get_usage(&self, _: Request<v1::GetUsageRequest>) -> Result<Response<v1::GetUsageResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_events(&self, _: Request<v1::ListEventsRequest>) -> Result<Response<v1::ListEventsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    type WatchEventsStream = tonic::codegen::BoxStream<v1::WatchEventsResponse>;

    async fn watch_events(
        &self,
        _: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_undelivered_events(
        &self,
        _: Request<v1::ListUndeliveredEventsRequest>,
    ) -> Result<Response<v1::ListUndeliveredEventsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn redeliver_events(
        &self,
        _: Request<v1::RedeliverEventsRequest>,
    ) -> Result<Response<v1::RedeliverEventsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn restore_object(
        &self,
        _: Request<v1::RestoreObjectRequest>,
    ) -> Result<Response<v1::RestoreObjectResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn restore_version(
        &self,
        _: Request<v1::RestoreVersionRequest>,
    ) -> Result<Response<v1::RestoreVersionResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn delete_version(
        &self,
        _: Request<v1::DeleteVersionRequest>,
    ) -> Result<Response<v1::DeleteVersionResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn create_multipart_upload(
        &self,
        _: Request<v1::CreateMultipartUploadRequest>,
    ) -> Result<Response<v1::CreateMultipartUploadResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn sign_parts(&self, _: Request<v1::SignPartsRequest>) -> Result<Response<v1::SignPartsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_parts(&self, _: Request<v1::ListPartsRequest>) -> Result<Response<v1::ListPartsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn complete_multipart_upload(
        &self,
        _: Request<v1::CompleteMultipartUploadRequest>,
    ) -> Result<Response<v1::CompleteMultipartUploadResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn abort_multipart_upload(
        &self,
        _: Request<v1::AbortMultipartUploadRequest>,
    ) -> Result<Response<v1::AbortMultipartUploadResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn create_ticket(
        &self,
        _: Request<v1::CreateTicketRequest>,
    ) -> Result<Response<v1::CreateTicketResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}
