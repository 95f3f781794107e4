//! The calls on events that an endpoint lacks.

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{ListUndelivered, RedeliverEvents, RedeliveryResult};

use super::{Api, Mapping};
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::ListUndeliveredEventsRequest {
    type Response = v1::ListUndeliveredEventsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let request = ListUndelivered {
            endpoint: self.endpoint,
            page_size: self.page_size,
            page_token: self.page_token,
        };
        let page = api.drafts(admitted).list_undelivered(&request).await?;
        let events = page.events.into_iter().map(|event| v1::UndeliveredEvent {
            event_id: event.id.to_string(),
            r#type: event.kind.as_str().to_owned(),
            object_name: event.object_name,
            happened_at: Some(Timestamp::from(event.at)),
            is_dead: event.is_dead,
        });
        Ok(v1::ListUndeliveredEventsResponse {
            events: events.collect(),
            next_page_token: page.next_page_token,
        })
    }
}

impl Mapping for v1::RedeliverEventsRequest {
    type Response = v1::RedeliverEventsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let request = RedeliverEvents {
            endpoint: self.endpoint,
            event_ids: self.event_ids,
        };
        let results = api.drafts(admitted).redeliver(&request).await?;
        let outcomes = request.event_ids.into_iter().zip(results);
        let outcomes = outcomes.map(|(event_id, result)| {
            let result = match result {
                RedeliveryResult::Delivered => v1::RedeliveryResult::Delivered,
                RedeliveryResult::NotAcknowledged => v1::RedeliveryResult::NotAcknowledged,
                RedeliveryResult::NotFound => v1::RedeliveryResult::NotFound,
                RedeliveryResult::NoWebhook => v1::RedeliveryResult::NoWebhook,
            };
            v1::RedeliveryOutcome {
                event_id,
                result: result.into(),
            }
        });
        Ok(v1::RedeliverEventsResponse {
            outcomes: outcomes.collect(),
        })
    }
}
