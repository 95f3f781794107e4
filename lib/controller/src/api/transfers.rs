//! The calls that update, copy and move confirmed objects.

use draftstore_proto::v1;
use draftstore_service::draft::{CopyObject, UpdateObject};

use super::options::requested;
use super::{Api, Mapping, headers, size};
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::UpdateObjectRequest {
    type Response = v1::UpdateObjectResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let request = UpdateObject {
            object_name: self.object_name,
            if_match: self.if_match,
            content_type: self.content_type,
            headers: headers([
                self.cache_control,
                self.content_disposition,
                self.content_encoding,
                self.content_language,
                self.expires,
            ]),
            metadata: self.metadata,
            options: requested(self.storage_options),
            remove: self.remove,
            version_id: self.version_id,
        };
        let made = drafts.update_object(&request).await?;
        Ok(v1::UpdateObjectResponse {
            object_name: made.object_name,
            etag: made.etag.to_string(),
            size: size(made.size),
            version_id: made.version_id.map(|id| id.to_string()),
            replaced_version_id: made.replaced_version_id.map(|id| id.to_string()),
            replayed: made.replayed,
        })
    }
}

impl Mapping for v1::CopyObjectRequest {
    type Response = v1::CopyObjectResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let request = CopyObject {
            object_name: self.object_name,
            destination_name: self.destination_name,
            if_match: self.if_match,
            overwrite: self.overwrite,
            overwrite_if_match: self.overwrite_if_match,
            idempotency_key: self.idempotency_key,
            options: requested(self.storage_options),
        };
        let made = drafts.copy_object(&request).await?;
        Ok(v1::CopyObjectResponse {
            object_name: made.object_name,
            etag: made.etag.to_string(),
            size: size(made.size),
            version_id: made.version_id.map(|id| id.to_string()),
            replaced_version_id: made.replaced_version_id.map(|id| id.to_string()),
            replayed: made.replayed,
        })
    }

    fn idempotency_key(&mut self) -> Option<&mut Option<String>> {
        Some(&mut self.idempotency_key)
    }
}

impl Mapping for v1::MoveObjectRequest {
    type Response = v1::MoveObjectResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let request = CopyObject {
            object_name: self.object_name,
            destination_name: self.destination_name,
            if_match: self.if_match,
            overwrite: self.overwrite,
            overwrite_if_match: self.overwrite_if_match,
            idempotency_key: self.idempotency_key,
            options: requested(self.storage_options),
        };
        let made = drafts.move_object(&request).await?;
        Ok(v1::MoveObjectResponse {
            object_name: made.object_name,
            etag: made.etag.to_string(),
            size: size(made.size),
            version_id: made.version_id.map(|id| id.to_string()),
            replaced_version_id: made.replaced_version_id.map(|id| id.to_string()),
            replayed: made.replayed,
        })
    }

    fn idempotency_key(&mut self) -> Option<&mut Option<String>> {
        Some(&mut self.idempotency_key)
    }
}
