//! A small file: one request, with its exact size and SHA-256.

use draftstore_proto::v1::GetUploadUrlRequest;

use super::hash::hash;
use super::job::{Job, Stored};
use super::parts::Part;
use crate::failure::Failure;
use crate::server::Stub;
use crate::store::Put;

impl Job<'_> {
    pub(super) async fn upload_at_once(&self) -> Result<Stored, Failure> {
        let uploader = self.uploader;
        let hashed = hash(&self.source, Part::whole(self.source.size()), &uploader.hashing).await?;
        let options = &uploader.options;
        let request = GetUploadUrlRequest {
            object_name: self.object_name.clone(),
            content_type: options.content_type.clone(),
            content_length: Some(self.source.size().cast_signed()),
            checksum_sha256: Some(hashed.checksum.clone()),
            metadata: options.metadata.iter().cloned().collect(),
            unique: options.unique,
            ..GetUploadUrlRequest::default()
        };
        let issue = async |mut stub: Stub, request| stub.get_upload_url(request).await;
        let _turn = self.turn().await?;
        let mut retries = uploader.context.retries();
        loop {
            // A URL of its own for each attempt. To a unique draft's nothing can be sent twice.
            let issued = uploader.server.call(self.output(), request.clone(), issue).await?;
            let put = Put {
                url: &issued.upload_url,
                headers: &issued.headers,
                expires_at: issued.expires_at,
                piece: self.source.piece(hashed.part),
            };
            if let Some(etag) = self.send(put, &mut retries).await? {
                self.source.check_unchanged()?;
                return Ok(Stored {
                    draft_id: issued.draft_id,
                    etag,
                    expires_at: None,
                    confirm_begun: None,
                });
            }
        }
    }
}
