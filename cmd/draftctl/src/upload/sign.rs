//! Presigned URLs for parts.

use std::collections::BTreeMap;

use draftstore_proto::Timestamp;
use draftstore_proto::v1::{PartToSign, SignPartsRequest, SignedPart};

use super::file_upload::FileUpload;
use super::hash::HashedPart;
use super::parts::StartedUpload;
use crate::client::GrpcClient;
use crate::error::CommandError;
use crate::store::PutRequest;

/// A part with its presigned URL.
pub(super) struct ReadyPart {
    pub(super) hashed: HashedPart,
    signed: SignedPart,
    expires_at: Option<Timestamp>,
}

impl ReadyPart {
    /// Returns the request that sends the part.
    pub(super) fn put(&self, upload: &FileUpload<'_>) -> PutRequest<'_> {
        PutRequest {
            url: &self.signed.upload_url,
            headers: &self.signed.headers,
            expires_at: self.expires_at,
            range: upload.source.range(self.hashed.part),
        }
    }
}

impl FileUpload<'_> {
    /// Requests URLs for the parts in one call, each for its exact size and SHA-256.
    pub(super) async fn sign(
        &self,
        upload: &StartedUpload,
        parts: Vec<HashedPart>,
    ) -> Result<Vec<ReadyPart>, CommandError> {
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let to_sign = parts.iter().map(|hashed| PartToSign {
            part_number: hashed.part.number,
            content_length: Some(hashed.part.len.cast_signed()),
            checksum_sha256: Some(hashed.checksum.clone()),
        });
        let request = SignPartsRequest {
            object_name: self.object_name.clone(),
            draft_id: upload.draft_id.clone(),
            upload_id: upload.upload_id.clone(),
            parts: to_sign.collect(),
            expires_in: None,
        };
        let sign = async |mut client: GrpcClient, request| client.sign_parts(request).await;
        let response = self.uploader.server.call(self.output(), request, sign).await?;
        let expires_at = response.expires_at;
        let signed = response.parts.into_iter().map(|signed| (signed.part_number, signed));
        let mut signed: BTreeMap<_, _> = signed.collect();
        let ready = parts.into_iter().map(|hashed| {
            let signed = signed.remove(&hashed.part.number);
            let signed =
                signed.ok_or_else(|| CommandError::unexpected_response("the server did not sign every part"))?;
            Ok(ReadyPart {
                hashed,
                signed,
                expires_at,
            })
        });
        ready.collect()
    }
}
