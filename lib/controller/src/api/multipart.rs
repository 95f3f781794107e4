//! The calls for multipart uploads.

use std::collections::BTreeMap;

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{
    CompleteMultipart, CompletedPart, CreateMultipart, PartToSign, SignParts, SignedPart, UploadName,
};

use super::options::requested;
use super::{Api, Mapping, headers, size};
use crate::audit::Outcome;
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::CreateMultipartUploadRequest {
    type Response = v1::CreateMultipartUploadResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let request = CreateMultipart {
            object_name: self.object_name,
            content_type: self.content_type,
            content_length: self.content_length,
            headers: headers([
                self.cache_control,
                self.content_disposition,
                self.content_encoding,
                self.content_language,
                self.expires,
            ]),
            metadata: self.metadata,
            options: requested(self.storage_options),
            part_size: self.part_size,
            unique: self.unique,
            draft_lifetime: self.draft_lifetime,
            part_checksums: self.part_checksums,
        };
        let created = api.drafts(admitted).create_multipart(&request).await?;
        Ok(v1::CreateMultipartUploadResponse {
            upload_id: created.upload_id,
            object_name: request.object_name,
            draft_id: created.draft_id.map(|id| id.to_string()),
            part_size: size(created.part_size),
            part_count: created.part_count.map(i32::from),
            expires_at: Some(Timestamp::from(created.expires_at)),
        })
    }

    fn outcomes(response: &Self::Response) -> Vec<Outcome> {
        vec![Outcome::issued(response.draft_id.as_ref())]
    }
}

impl Mapping for v1::SignPartsRequest {
    type Response = v1::SignPartsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let part = |part: v1::PartToSign| PartToSign {
            part_number: part.part_number,
            content_length: part.content_length,
            checksum_sha256: part.checksum_sha256,
        };
        let request = SignParts {
            upload: upload(self.object_name, self.draft_id, self.upload_id),
            parts: self.parts.into_iter().map(part).collect(),
            expires_in: self.expires_in,
        };
        let signed = api.drafts(admitted).sign_parts(&request).await?;
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

    fn signed_headers(response: &mut Self::Response) -> Vec<&mut BTreeMap<String, String>> {
        response.parts.iter_mut().map(|part| &mut part.headers).collect()
    }
}

impl Mapping for v1::ListPartsRequest {
    type Response = v1::ListPartsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let name = upload(self.object_name, self.draft_id, self.upload_id);
        let status = api.drafts(admitted).list_parts(&name).await?;
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
}

impl Mapping for v1::CompleteMultipartUploadRequest {
    type Response = v1::CompleteMultipartUploadResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let part = |part: v1::CompletedPart| CompletedPart {
            part_number: part.part_number,
            etag: part.etag,
        };
        let request = CompleteMultipart {
            upload: upload(self.object_name, self.draft_id, self.upload_id),
            parts: self.parts.into_iter().map(part).collect(),
        };
        let completed = api.drafts(admitted).complete_multipart(&request).await?;
        Ok(v1::CompleteMultipartUploadResponse {
            object_name: request.upload.object_name,
            draft_id: request.upload.draft_id,
            etag: completed.etag.to_string(),
            size: size(completed.size),
            expires_at: Some(Timestamp::from(completed.expires_at)),
        })
    }
}

impl Mapping for v1::AbortMultipartUploadRequest {
    type Response = v1::AbortMultipartUploadResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let name = upload(self.object_name, self.draft_id, self.upload_id);
        api.drafts(admitted).abort_multipart(&name).await?;
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
