//! The calls for buckets, drafts and confirmed objects.

use draftstore_proto::{Timestamp, v1};
use draftstore_service::ObjectHeader;
use draftstore_service::draft::{
    DraftInspected, DraftListed, DraftName, ListDrafts, ListObjects, ObjectFilter, ObjectListed, UploadedDraft,
};

use super::options::{filter_time, retention};
use super::{Api, Mapping, size};
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::CreateDraftBucketRequest {
    type Response = v1::CreateDraftBucketResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let ready = api.drafts(admitted).create_buckets().await?;
        Ok(v1::CreateDraftBucketResponse {
            draft_bucket: ready.draft.to_string(),
            main_bucket: ready.main.to_string(),
            created: ready.created.iter().map(ToString::to_string).collect(),
            cors_applied: ready.cors_applied,
        })
    }
}

impl Mapping for v1::InspectDraftRequest {
    type Response = v1::InspectDraftResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let name = DraftName {
            object_name: self.object_name,
            draft_id: self.draft_id,
        };
        let DraftInspected {
            object_name,
            draft_id,
            uploaded,
            expires_at,
            checks,
        } = api.drafts(admitted).inspect(&name).await?;
        let Some(UploadedDraft { draft, agreement }) = uploaded else {
            return Ok(v1::InspectDraftResponse {
                object_name,
                draft_id: draft_id.map(|id| id.to_string()),
                expires_at: Some(Timestamp::from(expires_at)),
                state: v1::DraftState::Waiting.into(),
                ..v1::InspectDraftResponse::default()
            });
        };
        let kept = agreement.kept;
        let header = |header| kept.headers.get(header).map(ToOwned::to_owned);
        let dropped = agreement.dropped.into_iter();
        Ok(v1::InspectDraftResponse {
            cache_control: header(ObjectHeader::CacheControl),
            content_disposition: header(ObjectHeader::ContentDisposition),
            content_encoding: header(ObjectHeader::ContentEncoding),
            content_language: header(ObjectHeader::ContentLanguage),
            expires: header(ObjectHeader::Expires),
            dropped: dropped.map(|(name, value)| (name.to_owned(), value)).collect(),
            object_name,
            draft_id: draft_id.map(|id| id.to_string()),
            etag: draft.etag.to_string(),
            size: size(draft.size),
            content_type: kept.content_type.map(|content_type| content_type.to_string()),
            checksum_sha256: draft.checksum_sha256.map(|checksum| checksum.to_string()),
            metadata: kept.metadata,
            tags: kept.options.tags,
            storage_class: kept.options.storage_class,
            retention: kept.options.retention.as_ref().map(retention),
            legal_hold: kept.options.legal_hold == Some(true),
            encryption: kept.options.encryption.map(|encryption| encryption.as_str().to_owned()),
            expires_at: Some(Timestamp::from(expires_at)),
            checks: checks.map(super::checks::state),
            state: v1::DraftState::Uploaded.into(),
        })
    }
}

impl Mapping for v1::DiscardDraftRequest {
    type Response = v1::DiscardDraftResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let name = DraftName {
            object_name: self.object_name,
            draft_id: self.draft_id,
        };
        let discarded = api.drafts(admitted).discard(&name).await?;
        Ok(v1::DiscardDraftResponse { discarded })
    }
}

impl Mapping for v1::ListDraftsRequest {
    type Response = v1::ListDraftsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let request = ListDrafts {
            page_size: self.page_size,
            page_token: self.page_token,
            prefix: self.prefix,
            newest_first: self.newest_first,
        };
        let page = api.drafts(admitted).list(&request).await?;
        let draft = |draft: DraftListed| v1::Draft {
            object_name: draft.object_name,
            draft_id: draft.draft_id.map(|id| id.to_string()),
            etag: draft.etag.to_string(),
            size: size(draft.size),
            expires_at: Some(Timestamp::from(draft.expires_at)),
            uploaded_at: Some(Timestamp::from(draft.uploaded_at)),
        };
        Ok(v1::ListDraftsResponse {
            drafts: page.drafts.into_iter().map(draft).collect(),
            next_page_token: page.next_page_token,
        })
    }
}

impl Mapping for v1::ListObjectsRequest {
    type Response = v1::ListObjectsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let request = ListObjects {
            page_size: self.page_size,
            page_token: self.page_token,
            prefix: self.prefix,
            delimiter: self.delimiter,
            filter: ObjectFilter {
                min_size: self.min_size,
                max_size: self.max_size,
                confirmed_after: filter_time("confirmed_after", self.confirmed_after)?,
                confirmed_before: filter_time("confirmed_before", self.confirmed_before)?,
                content_type: self.content_type,
                tags: self.tags.into_iter().collect(),
            },
            totals: self.totals,
        };
        let page = drafts.list_objects(&request).await?;
        let object = |object: ObjectListed| v1::StoredObject {
            object_name: object.object_name,
            etag: object.etag.to_string(),
            size: size(object.size),
            confirmed_at: Some(Timestamp::from(object.confirmed_at)),
        };
        Ok(v1::ListObjectsResponse {
            objects: page.objects.into_iter().map(object).collect(),
            folders: page.folders,
            totals: page.totals.map(|totals| v1::ObjectTotals {
                objects: size(totals.objects),
                bytes: size(totals.bytes),
                is_complete: totals.is_complete,
            }),
            next_page_token: page.next_page_token,
        })
    }
}
