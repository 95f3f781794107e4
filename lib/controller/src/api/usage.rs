//! The call on the usage of all buckets.

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{GetUsage, Stage};

use super::{Api, Mapping, size};
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::GetUsageRequest {
    type Response = v1::GetUsageResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let request = GetUsage {
            page_size: self.page_size,
            page_token: self.page_token,
        };
        let page = api.drafts(admitted).usage(&request).await?;
        let usage = page.groups.into_iter().map(|(group, usage)| v1::StorageUsage {
            tenant: group.tenant,
            stage: match group.stage {
                Stage::Draft => v1::Stage::Draft.into(),
                Stage::Main => v1::Stage::Main.into(),
            },
            bucket: group.bucket,
            storage_class: group.storage_class,
            objects: size(usage.objects),
            bytes: size(usage.bytes),
        });
        Ok(v1::GetUsageResponse {
            usage: usage.collect(),
            next_page_token: page.next_page_token,
            counted_from: Some(Timestamp::from(page.counted_from)),
            counted_until: Some(Timestamp::from(page.counted_until)),
            is_complete: page.is_complete,
        })
    }
}
