//! The calls on events: those that an endpoint lacks, and the feed.

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{
    FeedEvent, ListEvents, ListUndelivered, RedeliverEvents, RedeliveryResult, SelectEvents,
};
use futures::stream::{self, StreamExt as _};

use super::{Api, Mapping, StreamMapping, Updates};
use crate::audit::Outcome;
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::ListUndeliveredEventsRequest {
    type Response = v1::ListUndeliveredEventsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let request = ListUndelivered {
            webhook: self.webhook,
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
            webhook: self.webhook,
            event_ids: self.event_ids,
        };
        let results = api.drafts(admitted).redeliver(&request).await?;
        let outcomes = request.event_ids.into_iter().zip(results);
        let outcomes = outcomes.map(|(event_id, result)| {
            let result = match result {
                RedeliveryResult::Delivered => v1::RedeliveryResult::Delivered,
                RedeliveryResult::NotAcknowledged => v1::RedeliveryResult::NotAcknowledged,
                RedeliveryResult::NotFound => v1::RedeliveryResult::NotFound,
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

    fn outcomes(response: &Self::Response) -> Vec<Outcome> {
        let outcome = |one: &v1::RedeliveryOutcome| match one.result() {
            v1::RedeliveryResult::Delivered => Outcome::default(),
            v1::RedeliveryResult::NotAcknowledged => Outcome::refused("NOT_ACKNOWLEDGED"),
            v1::RedeliveryResult::NotFound => Outcome::refused("NOT_FOUND"),
            v1::RedeliveryResult::Unspecified => Outcome::refused("UNSPECIFIED"),
        };
        response.outcomes.iter().map(outcome).collect()
    }
}

impl Mapping for v1::ListEventsRequest {
    type Response = v1::ListEventsResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let request = ListEvents {
            select: SelectEvents {
                after: self.after,
                kind: self.r#type,
                name_prefix: self.name_prefix,
            },
            page_size: self.page_size,
        };
        let page = api.drafts(admitted).list_events(&request).await?;
        Ok(v1::ListEventsResponse {
            events: page.events.into_iter().map(feed_event).collect(),
            cursor: page.cursor,
            has_more: page.has_more,
        })
    }
}

impl StreamMapping for v1::WatchEventsRequest {
    type Response = v1::WatchEventsResponse;

    async fn open(self, api: &Api, admitted: &Admitted) -> Result<Option<Updates<Self::Response>>, Failure> {
        let request = SelectEvents {
            after: self.after,
            kind: self.r#type,
            name_prefix: self.name_prefix,
        };
        let watch = api.of_caller(&admitted.caller).watch_events(&request).await?;
        let updates = stream::unfold(watch, |mut watch| async {
            let next = watch.next().await?;
            let next = next.map(|update| v1::WatchEventsResponse {
                event: update.event.map(feed_event),
                cursor: update.cursor,
            });
            Some((next.map_err(Failure::from), watch))
        });
        Ok(Some(updates.boxed()))
    }

    fn id(response: &Self::Response) -> &str {
        &response.cursor
    }

    fn set_last_id(&mut self, id: String) {
        self.after = Some(id);
    }
}

fn feed_event(event: FeedEvent) -> v1::FeedEvent {
    v1::FeedEvent {
        event_id: event.id.to_string(),
        r#type: event.kind.as_str().to_owned(),
        object_name: event.subject,
        happened_at: Some(Timestamp::from(event.at)),
        tenant: event.tenant.map(|tenant| tenant.to_string()),
        cloud_event: event.json,
    }
}
