//! The feed of events, for readers.
//!
//! A cursor is a sealed [`FeedPosition`]. It opens only for the caller that got it.

mod filter;
mod watch;

use std::time::SystemTime;

use draftstore_protocol::events::{EventId, FeedEntry, FeedPage, FeedPosition, ReadOutcome};
use draftstore_storage::{ListObjects, ListedObject};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use self::filter::Filter;
pub(super) use self::watch::SharedPages;
pub use self::watch::{EventsUpdate, EventsWatch};
use super::Drafts;
use super::page::page_size;
use crate::caller::{Names, Tenant};
use crate::events::{Event, EventKind};
use crate::limits::{MAX_EVENTS_TOGETHER, MAX_PAGE_TOKEN_BYTES};
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, Scope, Violation};

/// The maximum number of events that one call reads concurrently.
const MAX_CONCURRENT: usize = 16;

/// A request for a page of the feed, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ListEvents {
    /// The events that the caller wants.
    pub select: SelectEvents,
    /// The maximum number of events.
    pub page_size: Option<i32>,
}

/// A selection of events of the feed, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct SelectEvents {
    /// The cursor to continue after: [`EventsPage::cursor`] of the previous page.
    pub after: Option<String>,
    /// The kind of the events, or its beginning: one of [`SelectEvents::types`].
    pub kind: Option<String>,
    /// The beginning of the names of the drafts and objects.
    pub name_prefix: Option<String>,
}

/// A page of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsPage {
    /// The events that the caller selected and may see, in the order of the feed.
    pub events: Vec<FeedEvent>,
    /// The cursor of the next page.
    pub cursor: String,
    /// `true` if more may follow at once.
    pub has_more: bool,
}

/// An event of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// The ID of the event.
    pub id: EventId,
    /// The kind of the event.
    pub kind: EventKind,
    /// The name of the draft or the object, relative to the tenant.
    pub subject: String,
    /// The tenant of the caller whose call was the act.
    pub tenant: Option<Tenant>,
    /// The time of the act.
    pub at: SystemTime,
    /// The event as webhooks get it.
    pub json: String,
}

impl Drafts {
    /// Lists a page of the feed. A caller with a tenant gets the events of its tenant, and of those below. A page may have fewer
    /// events than requested although more follow.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::RestrictedNames`] to a caller that
    /// may use some names only, [`Error::NoFeed`] if no feed is kept, or an error of the store.
    pub async fn list_events(&self, request: &ListEvents) -> Result<EventsPage, Error> {
        self.require_reader()?;
        let mut broken = Violations::default();
        let size = broken.take_optional(request.page_size.map(page_size));
        let (filter, after) = self.select(&request.select, broken)?;
        let size = size.map_or(MAX_EVENTS_TOGETHER, |size| size.min(MAX_EVENTS_TOGETHER));
        let after = after.unwrap_or(FeedPosition::BEGIN);
        let page = self.read_feed(after, self.shared.clock.now(), size).await?;
        let events = page.entries.into_iter().map(|(_, event)| event);
        Ok(EventsPage {
            events: events
                .filter(|event| filter.holds(event))
                .map(FeedEvent::from)
                .collect(),
            cursor: self.cursor(page.next),
            has_more: page.is_full,
        })
    }

    fn require_reader(&self) -> Result<(), Error> {
        self.caller.require(Scope::Inspect)?;
        if self.caller.names == Names::Any {
            Ok(())
        } else {
            Err(Error::RestrictedNames)
        }
    }

    /// Validates a selection, of whose request other violations are recorded.
    fn select(&self, select: &SelectEvents, mut broken: Violations) -> Result<(Filter, Option<FeedPosition>), Error> {
        let after = broken.take_optional(select.after.as_deref().map(|cursor| self.position_of(cursor)));
        let filter = Filter::new(self.caller.tenant.clone(), select, &mut broken);
        match filter {
            Some(filter) if broken.as_slice().is_empty() && self.shared.feeds => Ok((filter, after)),
            Some(_) if broken.as_slice().is_empty() => Err(Error::NoFeed),
            Some(_) | None => Err(Error::Invalid(broken.into_vec())),
        }
    }

    fn cursor(&self, position: FeedPosition) -> String {
        self.seal(Purpose::FeedCursor, &[], &position.to_bytes())
    }

    fn position_of(&self, cursor: &str) -> Result<FeedPosition, Violation> {
        let cursor = Some(cursor).filter(|cursor| cursor.len() <= MAX_PAGE_TOKEN_BYTES);
        let content = cursor.and_then(|cursor| self.open(Purpose::FeedCursor, &[], cursor));
        let position = content.and_then(|content| content.try_into().ok());
        let Some(position) = position.map(FeedPosition::from_bytes) else {
            return Err(Violation::new(
                "after",
                "must be a cursor of the feed, for the same caller",
            ));
        };
        let kept = self.shared.policy.events_retention();
        if position.has_expired(kept, self.shared.clock.now()) {
            let rule = "must be younger than EVENTS_RETENTION: leave it out to begin with the oldest event";
            return Err(Violation::new("after", rule));
        }
        Ok(position)
    }

    /// Reads the feed after a position. Entries that a sweep removes meanwhile are left out.
    async fn read_feed(&self, after: FeedPosition, now: SystemTime, size: u16) -> Result<FeedPage<Event>, Error> {
        let settled = FeedPosition::settled(now);
        if settled <= after {
            return Ok(FeedPage::new(Vec::new(), after, settled, size.into()));
        }
        let shards = after
            .shards()
            .map(|(prefix, start)| self.list_shard(prefix, start, settled, size));
        let listed = try_join_all(shards).await?.concat();
        let page = FeedPage::new(listed, after, settled, size.into());
        let reads = page.entries.iter().map(|(entry, object)| async move {
            let event = self.read_entry(object).await?;
            Ok::<_, Error>(event.map(|event| (*entry, event)))
        });
        let reads: Vec<_> = reads.collect();
        let events: Vec<_> = stream::iter(reads).buffered(MAX_CONCURRENT).try_collect().await?;
        Ok(FeedPage {
            entries: events.into_iter().flatten().collect(),
            next: page.next,
            is_full: page.is_full,
        })
    }

    /// Lists the first entries of a shard, as many as a page has.
    async fn list_shard(
        &self,
        prefix: String,
        start_after: String,
        settled: FeedPosition,
        size: u16,
    ) -> Result<Vec<(FeedEntry, ListedObject)>, Error> {
        let store = &self.shared.store;
        let mut list = ListObjects {
            prefix: Some(prefix),
            start_after: Some(start_after),
            max_keys: Some(size),
            ..ListObjects::default()
        };
        let mut listed = Vec::new();
        loop {
            let page = store.objects().list(store.buckets.draft.name(), &list).await?;
            let entries = page.objects.into_iter();
            listed.extend(entries.filter_map(|object| Some((FeedEntry::in_key(&object.key)?, object))));
            let is_past = listed
                .last()
                .is_some_and(|(entry, _)| FeedPosition::from(*entry) > settled);
            list.continuation = page.next.filter(|_| listed.len() < size.into() && !is_past);
            if list.continuation.is_none() {
                return Ok(listed);
            }
        }
    }

    async fn read_entry(&self, object: &ListedObject) -> Result<Option<Event>, Error> {
        let json = match self.courier().read(object).await {
            Ok(json) => json,
            Err(ReadOutcome::Failed) => return Err(Error::StoreUnavailable("an event was not read".into())),
            Err(ReadOutcome::Gone | ReadOutcome::Found | ReadOutcome::Unwanted) => return Ok(None),
        };
        let event = serde_json::from_slice(&json).ok().as_ref().and_then(Event::of);
        if event.is_none() {
            tracing::error!(object.key = %object.key, "event unreadable");
        }
        Ok(event)
    }
}

impl From<Event> for FeedEvent {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            kind: event.kind,
            subject: event.subject(),
            at: event.id.at(),
            json: String::from_utf8_lossy(&event.json).into_owned(),
            tenant: event.tenant,
        }
    }
}
