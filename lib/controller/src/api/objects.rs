//! The calls on confirmed objects: describe, delete, and list, restore and delete versions.

use draftstore_proto::v1::delete_outcome::Outcome as One;
use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{
    ArchiveState, DeleteObject, DeleteVersion, DescribeObject, ListVersions, ObjectDeleted, ObjectDescribed,
    RestoreVersion, VersionListed,
};
use draftstore_service::{Error, KeptUntil, ObjectHeader};

use super::options::retention;
use super::{Api, Mapping, size};
use crate::audit::Outcome;
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::GetObjectRequest {
    type Response = v1::GetObjectResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let object = DescribeObject {
            object_name: self.object_name,
            version_id: self.version_id,
        };
        let ObjectDescribed {
            object_name,
            description,
            content_type,
            tags,
            confirmed_at,
            draft_id,
            draft_etag,
        } = drafts.describe_object(&object).await?;
        let archive = ArchiveState::of(&description);
        let info = description.info;
        let header = |header| info.attributes.headers.get(&header).cloned();
        let checksums = description.checksums.into_iter();
        Ok(v1::GetObjectResponse {
            cache_control: header(ObjectHeader::CacheControl),
            content_disposition: header(ObjectHeader::ContentDisposition),
            content_encoding: header(ObjectHeader::ContentEncoding),
            content_language: header(ObjectHeader::ContentLanguage),
            expires: header(ObjectHeader::Expires),
            object_name,
            etag: info.etag.to_string(),
            size: size(info.size),
            content_type: content_type.map(|content_type| content_type.to_string()),
            checksums: checksums.map(|(name, value)| (name.to_owned(), value)).collect(),
            metadata: info.attributes.metadata,
            tags,
            storage_class: description.storage_class,
            encryption: description.encryption,
            version_id: info.version_id.map(|id| id.to_string()),
            retention: description.retention.as_ref().map(retention),
            legal_hold: description.legal_hold,
            confirmed_at: Some(Timestamp::from(confirmed_at)),
            draft_id: draft_id.map(|id| id.to_string()),
            draft_etag,
            archive: archive.map(super::archive::state),
        })
    }
}

impl Mapping for v1::DeleteObjectRequest {
    type Response = v1::DeleteObjectResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let result = drafts.delete_object(&delete(self)).await?;
        Ok(deleted(result))
    }
}

impl Mapping for v1::BatchDeleteObjectsRequest {
    type Response = v1::BatchDeleteObjectsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let destination = self.objects.first().and_then(|object| object.destination.as_deref());
        let differs = |object: &v1::DeleteObjectRequest| object.destination.as_deref() != destination;
        if let Some(place) = self.objects.iter().position(differs) {
            let rule = "must be the same for all objects";
            return Err(Failure::invalid(&format!("objects[{place}].destination"), rule));
        }
        let drafts = api.drafts(admitted).at(destination)?;
        let requests: Vec<_> = self.objects.into_iter().map(delete).collect();
        let results = drafts.delete_objects(&requests).await?;
        let success = results.iter().all(Result::is_ok);
        let outcome = |result: Result<ObjectDeleted, Error>| v1::DeleteOutcome {
            outcome: Some(match result {
                Ok(result) => One::Deleted(deleted(result)),
                Err(error) => One::Error(Failure::from(error).outcome()),
            }),
        };
        Ok(v1::BatchDeleteObjectsResponse {
            outcomes: results.into_iter().map(outcome).collect(),
            success,
        })
    }

    fn outcomes(response: &Self::Response) -> Vec<Outcome> {
        let outcome = |one: &v1::DeleteOutcome| match &one.outcome {
            Some(One::Error(error)) => Outcome::refused(&error.reason),
            Some(One::Deleted(_)) | None => Outcome::default(),
        };
        response.outcomes.iter().map(outcome).collect()
    }
}

impl Mapping for v1::ListVersionsRequest {
    type Response = v1::ListVersionsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let request = ListVersions {
            object_name: self.object_name,
            page_size: self.page_size,
            page_token: self.page_token,
        };
        let page = drafts.list_versions(&request).await?;
        let version = |version: VersionListed| v1::ObjectVersion {
            version_id: version.version_id.to_string(),
            is_delete_marker: version.bytes.is_none(),
            etag: version.bytes.as_ref().map(|bytes| bytes.etag.to_string()),
            size: version.bytes.map(|bytes| size(bytes.size)),
            created_at: Some(Timestamp::from(version.created_at)),
            is_current: version.is_current,
        };
        Ok(v1::ListVersionsResponse {
            versions: page.versions.into_iter().map(version).collect(),
            next_page_token: page.next_page_token,
        })
    }
}

impl Mapping for v1::RestoreVersionRequest {
    type Response = v1::RestoreVersionResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let request = RestoreVersion {
            object_name: self.object_name,
            version_id: self.version_id,
            if_match: self.if_match,
        };
        let restored = drafts.restore_version(&request).await?;
        Ok(v1::RestoreVersionResponse {
            etag: restored.etag.to_string(),
            size: size(restored.size),
            version_id: restored.version_id.map(|id| id.to_string()),
            replaced_version_id: restored.replaced_version_id.map(|id| id.to_string()),
            replayed: restored.replayed,
        })
    }
}

impl Mapping for v1::DeleteVersionRequest {
    type Response = v1::DeleteVersionResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let request = DeleteVersion {
            object_name: self.object_name,
            version_id: self.version_id,
        };
        drafts.delete_version(&request).await?;
        Ok(v1::DeleteVersionResponse {})
    }
}

fn delete(request: v1::DeleteObjectRequest) -> DeleteObject {
    DeleteObject {
        object_name: request.object_name,
        if_match: request.if_match,
    }
}

fn deleted(result: ObjectDeleted) -> v1::DeleteObjectResponse {
    v1::DeleteObjectResponse {
        deleted: result.etag.is_some(),
        etag: result.etag.map(|etag| etag.to_string()),
        version_id: result.version_id.map(|id| id.to_string()),
        can_be_undone: result.undo_until.is_some(),
        undo_until: match result.undo_until {
            Some(KeptUntil::Time(until)) => Some(Timestamp::from(until)),
            Some(KeptUntil::Deleted | KeptUntil::Unknown) | None => None,
        },
        undo_until_unknown: result.undo_until == Some(KeptUntil::Unknown),
    }
}
