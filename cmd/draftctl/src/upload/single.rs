//! Small files: one request, with the exact size and SHA-256.

use draftstore_proto::v1::GetUploadUrlRequest;

use super::file_upload::{FileUpload, UploadedDraft};
use super::hash::hash;
use super::parts::PartRange;
use crate::client::GrpcClient;
use crate::error::CommandError;
use crate::store::PutRequest;

impl FileUpload<'_> {
    pub(super) async fn upload_single(&self) -> Result<UploadedDraft, CommandError> {
        let uploader = self.uploader;
        let hashed = hash(
            &self.source,
            PartRange::whole(self.source.size()),
            &uploader.hash_permits,
        )
        .await?;
        let options = &uploader.options;
        let headers = options.headers.clone();
        let request = GetUploadUrlRequest {
            object_name: self.object_name.clone(),
            content_type: self.content_type.clone(),
            content_length: Some(self.source.size().cast_signed()),
            checksum_sha256: Some(hashed.checksum.clone()),
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            expires: headers.expires,
            metadata: options.metadata.iter().cloned().collect(),
            unique: options.unique,
            storage_options: options.storage.message(),
            ..GetUploadUrlRequest::default()
        };
        let issue = async |mut client: GrpcClient, request| client.get_upload_url(request).await;
        let _permit = self.send_permit().await?;
        let mut retries = uploader.context.retries();
        loop {
            // Each attempt gets a new URL, because the URL of a unique draft accepts only one upload.
            let issued = uploader.server.call(self.output(), request.clone(), issue).await?;
            let put = PutRequest {
                url: &issued.upload_url,
                headers: &issued.headers,
                expires_at: issued.expires_at,
                range: self.source.range(hashed.part),
            };
            if let Some(etag) = self.send(put, &mut retries).await? {
                self.source.check_unchanged()?;
                return Ok(UploadedDraft {
                    draft_id: issued.draft_id,
                    etag,
                    expires_at: None,
                    confirm_key: None,
                });
            }
        }
    }
}
