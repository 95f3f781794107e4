//! Uploads in parts.

use draftstore_proto::v1;
use draftstore_service::Error;

use super::Api;

impl Api {
    pub(crate) async fn create_multipart_upload(
        &self,
        _request: v1::CreateMultipartUploadRequest,
    ) -> Result<v1::CreateMultipartUploadResponse, Error> {
        Err(Error::Internal("not there yet".into()))
    }

    pub(crate) async fn sign_parts(&self, _request: v1::SignPartsRequest) -> Result<v1::SignPartsResponse, Error> {
        Err(Error::Internal("not there yet".into()))
    }

    pub(crate) async fn list_parts(&self, _request: v1::ListPartsRequest) -> Result<v1::ListPartsResponse, Error> {
        Err(Error::Internal("not there yet".into()))
    }

    pub(crate) async fn complete_multipart_upload(
        &self,
        _request: v1::CompleteMultipartUploadRequest,
    ) -> Result<v1::CompleteMultipartUploadResponse, Error> {
        Err(Error::Internal("not there yet".into()))
    }

    pub(crate) async fn abort_multipart_upload(
        &self,
        _request: v1::AbortMultipartUploadRequest,
    ) -> Result<v1::AbortMultipartUploadResponse, Error> {
        Err(Error::Internal("not there yet".into()))
    }
}
