//! The events that a webhook lacks: those that are sent again, and dead letters.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use draftstore_protocol::events::{DeadLetter, EndpointName, EventId, PendingEvent, ReadOutcome};
use draftstore_storage::{ListObjects, ListedObject, ObjectKey};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::page::{Listing, Position};
use super::{Drafts, found};
use crate::caller::Names;
use crate::events::{Endpoint, Event, EventKind};
use crate::limits::MAX_EVENTS_TOGETHER;
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, Missing, Scope, Violation};

/// The maximum number of events that one call reads or sends concurrently.
const MAX_CONCURRENT: usize = 16;

/// A request for a page of the events that a webhook lacks, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ListUndelivered {
    /// The name of the webhook, which the policy may have no longer.
    pub webhook: String,
    /// The maximum number of events.
    pub page_size: Option<i32>,
    /// The token to continue with: [`UndeliveredPage::next_page_token`] of the previous page.
    pub page_token: Option<String>,
}

/// A page of events: dead letters first, each kind in the order of the acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredPage {
    /// The events that the caller may see.
    pub events: Vec<UndeliveredEvent>,
    /// The token of the next page. `None` on the last page.
    pub next_page_token: Option<String>,
}

/// An event that a webhook lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredEvent {
    /// The ID of the event.
    pub id: EventId,
    /// The kind of the event.
    pub kind: EventKind,
    /// The name of the draft or the object, as the caller would name it.
    pub object_name: String,
    /// The time of the act.
    pub at: SystemTime,
    /// `true` if no server sends the event again by itself.
    pub is_dead: bool,
}

/// A request to send events again, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct RedeliverEvents {
    /// The name of the webhook.
    pub webhook: String,
    /// The IDs of the events.
    pub event_ids: Vec<String>,
}

/// The result of an attempt to send an event again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedeliveryResult {
    /// The webhook has acknowledged the event.
    Delivered,
    /// The webhook has not acknowledged the event, which is kept.
    NotAcknowledged,
    /// The webhook lacks no such event.
    NotFound,
}

/// The two places of an event, in the order of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Dead,
    Pending,
}

impl Place {
    const ALL: [Self; 2] = [Self::Dead, Self::Pending];

    fn prefix(self, endpoint: &EndpointName) -> String {
        match self {
            Self::Dead => DeadLetter::prefix(endpoint),
            Self::Pending => PendingEvent::prefix(endpoint),
        }
    }

    fn key(self, event: &PendingEvent) -> ObjectKey {
        match self {
            Self::Dead => DeadLetter(event.clone()).key(),
            Self::Pending => event.key(),
        }
    }
}

impl Drafts {
    /// Lists a page of the events that a webhook lacks. A caller with a tenant gets those of its tenant, and may get pages with
    /// fewer events than requested although more follow.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::RestrictedNames`] to a caller that
    /// may use some names only, [`Error::NotFound`] if the policy has no such webhook, nor the store events for it, or an error of
    /// the store.
    pub async fn list_undelivered(&self, request: &ListUndelivered) -> Result<UndeliveredPage, Error> {
        self.require_events()?;
        let mut broken = Violations::default();
        let webhook = broken.take(webhook_name(&request.webhook));
        let listing = Listing {
            purpose: Purpose::EventPage,
            prefix: &request.webhook,
            delimiter: "",
        };
        let page = self.page(listing, request.page_size, request.page_token.as_deref(), &mut broken);
        let (Some(webhook), []) = (webhook, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let is_first = page.begin.is_none();
        let begin = page.begin.unwrap_or_default();
        let Some(place) = Place::ALL.get(usize::from(begin.range)).copied() else {
            return Ok(UndeliveredPage {
                events: Vec::new(),
                next_page_token: None,
            });
        };
        let list = ListObjects {
            prefix: Some(place.prefix(&webhook)),
            start_after: begin.after,
            max_keys: Some(page.size.min(MAX_EVENTS_TOGETHER)),
            ..ListObjects::default()
        };
        let store = &self.shared.store;
        let listed = store.objects().list(store.buckets.draft.name(), &list).await?;
        if is_first
            && listed.objects.is_empty()
            && self.webhook(&webhook).is_none()
            && !self.is_pending(&webhook).await?
        {
            return Err(Error::NotFound(Missing::Webhook));
        }
        let next = match (listed.next, listed.objects.last()) {
            (Some(_), Some(object)) => Some(Position {
                range: begin.range,
                after: Some(object.key.as_str().to_owned()),
            }),
            _ => (place == Place::Dead).then_some(Position { range: 1, after: None }),
        };
        let reads: Vec<_> = listed.objects.iter().map(|object| self.undelivered(object)).collect();
        let found: Vec<_> = stream::iter(reads).buffered(MAX_CONCURRENT).try_collect().await?;
        let events = found.into_iter().flatten().map(|event: Event| UndeliveredEvent {
            id: event.id,
            kind: event.kind,
            object_name: self.name_of(&event),
            at: event.id.at(),
            is_dead: place == Place::Dead,
        });
        Ok(UndeliveredPage {
            events: events.collect(),
            next_page_token: next.map(|next| self.page_token(listing, &next)),
        })
    }

    /// Sends events to a webhook once, at once, whatever its state. What it acknowledges is deleted. Returns the results in the
    /// order of the request.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::RestrictedNames`] to a caller that
    /// may use some names only, [`Error::NotFound`] if the policy has no such webhook, or an error of the store.
    pub async fn redeliver(&self, request: &RedeliverEvents) -> Result<Vec<RedeliveryResult>, Error> {
        self.require_events()?;
        let mut broken = Violations::default();
        let name = broken.take(webhook_name(&request.webhook));
        if !(1..=usize::from(MAX_EVENTS_TOGETHER)).contains(&request.event_ids.len()) {
            broken.take::<()>(Err(Violation::new(
                "event_ids",
                format!("must be 1 to {MAX_EVENTS_TOGETHER}"),
            )));
        }
        let ids = request.event_ids.iter().enumerate().take(MAX_EVENTS_TOGETHER.into());
        let ids: Vec<EventId> = ids
            .filter_map(|(place, text)| {
                let id = text.parse();
                let rule = "must be evt_ and a ULID, as list-undelivered-events returns it";
                broken.take(id.map_err(|_| Violation::new(format!("event_ids[{place}]"), rule)))
            })
            .collect();
        let mut seen = HashSet::new();
        for (place, text) in request.event_ids.iter().enumerate().take(MAX_EVENTS_TOGETHER.into()) {
            if !seen.insert(text) {
                let twice = Violation::new(format!("event_ids[{place}]"), "must be in the request once");
                broken.take::<()>(Err(twice));
            }
        }
        let (Some(name), []) = (name, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let webhook = self.webhook(&name).ok_or(Error::NotFound(Missing::Webhook))?;
        let sending: Vec<_> = ids.into_iter().map(|id| self.redeliver_one(&webhook, id)).collect();
        stream::iter(sending).buffered(MAX_CONCURRENT).try_collect().await
    }

    async fn redeliver_one(&self, endpoint: &Arc<dyn Endpoint>, id: EventId) -> Result<RedeliveryResult, Error> {
        let event = PendingEvent {
            endpoint: endpoint.name().clone(),
            id,
        };
        for place in Place::ALL {
            let key = place.key(&event);
            let store = &self.shared.store;
            let Some(object) = found(store.objects().head(store.buckets.draft.name(), &key).await)? else {
                continue;
            };
            let object = ListedObject {
                key,
                etag: object.etag,
                size: object.size,
                last_modified: object.last_modified,
                storage_class: None,
            };
            if self.undelivered(&object).await?.is_none() {
                continue;
            }
            let is_delivered = self.courier().redeliver(endpoint, id, object).await;
            return Ok(if is_delivered {
                RedeliveryResult::Delivered
            } else {
                RedeliveryResult::NotAcknowledged
            });
        }
        Ok(RedeliveryResult::NotFound)
    }

    /// Returns the event of an object, or `None` if it is gone, or the caller may not see it.
    async fn undelivered(&self, object: &ListedObject) -> Result<Option<Event>, Error> {
        let json = match self.courier().read(object).await {
            Ok(json) => json,
            Err(ReadOutcome::Failed) => return Err(Error::StoreUnavailable("an event was not read".into())),
            Err(ReadOutcome::Gone | ReadOutcome::Found | ReadOutcome::Unwanted) => return Ok(None),
        };
        let event = serde_json::from_slice(&json).ok().as_ref().and_then(Event::of);
        let tenant = self.caller.tenant.as_ref();
        let may_see = |event: &Event| tenant.is_none_or(|tenant| event.tenant.as_ref() == Some(tenant));
        Ok(event.filter(may_see))
    }

    /// Returns the name of an event's draft or object as the caller would name it: with the tenant, if the caller has none.
    fn name_of(&self, event: &Event) -> String {
        let name = event.subject();
        match (&self.caller.tenant, &event.tenant) {
            (None, Some(tenant)) => format!("{tenant}/{name}"),
            _ => name,
        }
    }

    /// Returns the webhook of this name in the policy.
    fn webhook(&self, name: &EndpointName) -> Option<Arc<dyn Endpoint>> {
        let webhooks = self.shared.events.endpoints();
        webhooks.iter().find(|webhook| webhook.name() == name).cloned()
    }

    /// Returns true if an event is pending for a webhook.
    async fn is_pending(&self, webhook: &EndpointName) -> Result<bool, Error> {
        let list = ListObjects {
            prefix: Some(Place::Pending.prefix(webhook)),
            max_keys: Some(1),
            ..ListObjects::default()
        };
        let store = &self.shared.store;
        let listed = store.objects().list(store.buckets.draft.name(), &list).await?;
        Ok(!listed.objects.is_empty())
    }

    fn require_events(&self) -> Result<(), Error> {
        self.caller.require(Scope::Admin)?;
        if self.caller.names == Names::Any {
            Ok(())
        } else {
            Err(Error::RestrictedNames)
        }
    }
}

fn webhook_name(text: &str) -> Result<EndpointName, Violation> {
    text.parse()
        .map_err(|_| Violation::new("webhook", "must have 1 to 63 characters of A-Z, a-z, 0-9, '-' and '_'"))
}
