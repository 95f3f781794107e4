//! Uploads in parts.

use std::sync::Arc;

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{
    CompleteMultipart, CompletedPart, CreateMultipart, PartToSign, SignParts, SignedPart, UploadName,
};
use draftstore_service::{Caller, Error};

use super::{Calls, size};

impl Calls {
    pub(crate) async fn create_multipart_upload(
        &self,
        caller: &Arc<Caller>,
        request: v1::CreateMultipartUploadRequest,
    ) -> Result<v1::CreateMultipartUploadResponse, Error> {
        let request = CreateMultipart {
            object_name: request.object_name,
            content_type: request.content_type,
            content_length: request.content_length,
            metadata: request.metadata,
            unique: request.unique,
            draft_lifetime: request.draft_lifetime,
            part_checksums: request.part_checksums,
        };
        let created = self.drafts(caller).create_multipart(&request).await?;
        Ok(v1::CreateMultipartUploadResponse {
            upload_id: created.upload_id,
            object_name: request.object_name,
            draft_id: created.draft_id.map(|id| id.to_string()),
            part_size: size(created.part_size),
            part_count: created.part_count.map(i32::from),
            expires_at: Some(Timestamp::from(created.expires_at)),
        })
    }

    pub(crate) async fn sign_parts(
        &self,
        caller: &Arc<Caller>,
        request: v1::SignPartsRequest,
    ) -> Result<v1::SignPartsResponse, Error> {
        let part = |part: v1::PartToSign| PartToSign {
            part_number: part.part_number,
            content_length: part.content_length,
            checksum_sha256: part.checksum_sha256,
        };
        let request = SignParts {
            upload: upload(request.object_name, request.draft_id, request.upload_id),
            parts: request.parts.into_iter().map(part).collect(),
            expires_in: request.expires_in,
        };
        let signed = self.drafts(caller).sign_parts(&request).await?;
        let part = |SignedPart { number, request }| v1::SignedPart {
            part_number: i32::from(number),
            upload_url: request.url.expose(),
            headers: request.headers,
        };
        Ok(v1::SignPartsResponse {
            parts: signed.parts.into_iter().map(part).collect(),
            expires_at: Some(Timestamp::from(signed.expires_at)),
        })
    }

    pub(crate) async fn list_parts(
        &self,
        caller: &Arc<Caller>,
        request: v1::ListPartsRequest,
    ) -> Result<v1::ListPartsResponse, Error> {
        let name = upload(request.object_name, request.draft_id, request.upload_id);
        let status = self.drafts(caller).list_parts(&name).await?;
        let parts = status.parts.into_iter().map(|part| v1::UploadedPart {
            part_number: i32::from(part.number),
            etag: part.etag.to_string(),
            size: size(part.size),
            checksum_sha256: part.checksum_sha256.map(|checksum| checksum.to_string()),
        });
        Ok(v1::ListPartsResponse {
            parts: parts.collect(),
            part_size: size(status.part_size),
            part_count: status.part_count.map(i32::from),
            content_length: status.content_length.map(size),
            part_checksums: status.part_checksums,
            expires_at: Some(Timestamp::from(status.expires_at)),
        })
    }

    pub(crate) async fn complete_multipart_upload(
        &self,
        caller: &Arc<Caller>,
        request: v1::CompleteMultipartUploadRequest,
    ) -> Result<v1::CompleteMultipartUploadResponse, Error> {
        let part = |part: v1::CompletedPart| CompletedPart {
            part_number: part.part_number,
            etag: part.etag,
        };
        let request = CompleteMultipart {
            upload: upload(request.object_name, request.draft_id, request.upload_id),
            parts: request.parts.into_iter().map(part).collect(),
        };
        let completed = self.drafts(caller).complete_multipart(&request).await?;
        Ok(v1::CompleteMultipartUploadResponse {
            object_name: request.upload.object_name,
            draft_id: request.upload.draft_id,
            etag: completed.etag.to_string(),
            size: size(completed.size),
            expires_at: Some(Timestamp::from(completed.expires_at)),
        })
    }

    pub(crate) async fn abort_multipart_upload(
        &self,
        caller: &Arc<Caller>,
        request: v1::AbortMultipartUploadRequest,
    ) -> Result<v1::AbortMultipartUploadResponse, Error> {
        let name = upload(request.object_name, request.draft_id, request.upload_id);
        self.drafts(caller).abort_multipart(&name).await?;
        Ok(v1::AbortMultipartUploadResponse {})
    }
}

fn upload(object_name: String, draft_id: Option<String>, upload_id: String) -> UploadName {
    UploadName {
        object_name,
        draft_id,
        upload_id,
    }
}
