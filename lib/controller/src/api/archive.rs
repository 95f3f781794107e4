//! The call on archived objects.

use draftstore_proto::{Timestamp, v1};
use draftstore_service::RestoreTier;
use draftstore_service::draft::{ArchiveState, RestoreObject};

use super::{Api, Mapping};
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::RestoreObjectRequest {
    type Response = v1::RestoreObjectResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let drafts = api.drafts(admitted).at(self.destination.as_deref())?;
        let request = RestoreObject {
            tier: tier(self.tier)?,
            object_name: self.object_name,
            version_id: self.version_id,
            days: self.days,
        };
        let archive = drafts.restore_object(&request).await?;
        Ok(v1::RestoreObjectResponse {
            archive: archive.map(state),
        })
    }
}

/// Returns the message of a state.
pub(super) fn state(state: ArchiveState) -> v1::ArchiveState {
    v1::ArchiveState {
        is_restoring: state == ArchiveState::Restoring,
        readable_until: match state {
            ArchiveState::Restored(until) => Some(Timestamp::from(until)),
            ArchiveState::Archived | ArchiveState::Restoring => None,
        },
    }
}

fn tier(number: i32) -> Result<Option<RestoreTier>, Failure> {
    match v1::RestoreTier::try_from(number) {
        Ok(v1::RestoreTier::Unspecified) => Ok(None),
        Ok(v1::RestoreTier::Standard) => Ok(Some(RestoreTier::Standard)),
        Ok(v1::RestoreTier::Bulk) => Ok(Some(RestoreTier::Bulk)),
        Err(_) => Err(Failure::invalid(
            "tier",
            "must be RESTORE_TIER_STANDARD or RESTORE_TIER_BULK",
        )),
    }
}
