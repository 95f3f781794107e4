//! What is there: buckets, drafts, confirmed objects.

use std::sync::Arc;

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{DraftInspected, DraftListed, DraftName, ListDrafts, ListObjects, ObjectListed};
use draftstore_service::{Caller, Error};

use super::{Calls, size};

impl Calls {
    pub(crate) async fn create_draft_bucket(
        &self,
        caller: &Arc<Caller>,
        _request: v1::CreateDraftBucketRequest,
    ) -> Result<v1::CreateDraftBucketResponse, Error> {
        let ready = self.drafts(caller).create_buckets().await?;
        Ok(v1::CreateDraftBucketResponse {
            draft_bucket: ready.draft.to_string(),
            main_bucket: ready.main.to_string(),
            created: ready.created.iter().map(ToString::to_string).collect(),
            cors_applied: ready.cors_applied,
        })
    }

    pub(crate) async fn inspect_draft(
        &self,
        caller: &Arc<Caller>,
        request: v1::InspectDraftRequest,
    ) -> Result<v1::InspectDraftResponse, Error> {
        let name = DraftName {
            object_name: request.object_name,
            draft_id: request.draft_id,
        };
        let DraftInspected {
            object_name,
            draft_id,
            draft,
            expires_at,
        } = self.drafts(caller).inspect(&name).await?;
        Ok(v1::InspectDraftResponse {
            object_name,
            draft_id: draft_id.map(|id| id.to_string()),
            etag: draft.etag.to_string(),
            size: size(draft.size),
            content_type: draft.attributes.content_type,
            checksum_sha256: draft.checksum_sha256.map(|checksum| checksum.to_string()),
            metadata: draft.attributes.metadata,
            expires_at: Some(Timestamp::from(expires_at)),
        })
    }

    pub(crate) async fn discard_draft(
        &self,
        caller: &Arc<Caller>,
        request: v1::DiscardDraftRequest,
    ) -> Result<v1::DiscardDraftResponse, Error> {
        let name = DraftName {
            object_name: request.object_name,
            draft_id: request.draft_id,
        };
        let discarded = self.drafts(caller).discard(&name).await?;
        Ok(v1::DiscardDraftResponse { discarded })
    }

    pub(crate) async fn list_drafts(
        &self,
        caller: &Arc<Caller>,
        request: v1::ListDraftsRequest,
    ) -> Result<v1::ListDraftsResponse, Error> {
        let request = ListDrafts {
            page_size: request.page_size,
            page_token: request.page_token,
        };
        let page = self.drafts(caller).list(&request).await?;
        let draft = |draft: DraftListed| v1::Draft {
            object_name: draft.object_name,
            draft_id: draft.draft_id.map(|id| id.to_string()),
            etag: draft.etag.to_string(),
            size: size(draft.size),
            expires_at: Some(Timestamp::from(draft.expires_at)),
        };
        Ok(v1::ListDraftsResponse {
            drafts: page.drafts.into_iter().map(draft).collect(),
            next_page_token: page.next_page_token,
        })
    }

    pub(crate) async fn list_objects(
        &self,
        caller: &Arc<Caller>,
        request: v1::ListObjectsRequest,
    ) -> Result<v1::ListObjectsResponse, Error> {
        let request = ListObjects {
            page_size: request.page_size,
            page_token: request.page_token,
            prefix: request.prefix,
        };
        let page = self.drafts(caller).list_objects(&request).await?;
        let object = |object: ObjectListed| v1::StoredObject {
            object_name: object.object_name,
            etag: object.etag.to_string(),
            size: size(object.size),
            confirmed_at: Some(Timestamp::from(object.confirmed_at)),
        };
        Ok(v1::ListObjectsResponse {
            objects: page.objects.into_iter().map(object).collect(),
            next_page_token: page.next_page_token,
        })
    }
}
