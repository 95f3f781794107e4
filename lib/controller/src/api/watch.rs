//! The watches of drafts.

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{DraftName, DraftState, WatchDraft};
use futures::stream::{self, StreamExt as _};

use super::{Api, StreamMapping, Updates, size};
use crate::errors::Failure;
use crate::gate::Admitted;

impl StreamMapping for v1::WatchDraftRequest {
    type Response = v1::WatchDraftResponse;

    async fn open(self, api: &Api, admitted: &Admitted) -> Result<Option<Updates<Self::Response>>, Failure> {
        let request = WatchDraft {
            draft: DraftName {
                object_name: self.object_name,
                draft_id: self.draft_id,
            },
            last_state_id: self.last_state_id,
        };
        let watch = api.of_caller(&admitted.caller).watch(&request).await?;
        if watch.has_ended() {
            return Ok(None);
        }
        let updates = stream::unfold(watch, |mut watch| async {
            let next = watch.next().await?;
            Some((next.map(response).map_err(Failure::from), watch))
        });
        Ok(Some(updates.boxed()))
    }

    fn id(response: &Self::Response) -> &str {
        &response.state_id
    }

    fn set_last_id(&mut self, id: String) {
        self.last_state_id = Some(id);
    }
}

fn response(state: DraftState) -> v1::WatchDraftResponse {
    let state_id = state.id();
    let of = |named: v1::DraftState| v1::WatchDraftResponse {
        state: named.into(),
        state_id,
        ..v1::WatchDraftResponse::default()
    };
    match state {
        DraftState::Waiting { expires_at } => v1::WatchDraftResponse {
            expires_at: Some(Timestamp::from(expires_at)),
            ..of(v1::DraftState::Waiting)
        },
        DraftState::Uploaded {
            etag,
            size: bytes,
            expires_at,
            checks,
        } => v1::WatchDraftResponse {
            etag: Some(etag.to_string()),
            size: Some(size(bytes)),
            expires_at: Some(Timestamp::from(expires_at)),
            checks: checks.map(super::checks::state),
            ..of(v1::DraftState::Uploaded)
        },
        DraftState::Confirmed => of(v1::DraftState::Confirmed),
        DraftState::Gone => of(v1::DraftState::Gone),
    }
}
