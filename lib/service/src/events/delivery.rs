//! The delivery of an event before its act is answered.
//!
//! An endpoint that answers too late for the act still gets the event once: the attempt continues, and the event that was stored
//! meanwhile is deleted.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use draftstore_protocol::events::{
    EndpointName, EndpointState, EventId, Outcome, PendingEvent, Publication, PublishStep,
};
use draftstore_storage::{Attributes, DraftVersion, ETag, Error as StorageError, ObjectKey, PutDraft};
use futures::future::{join, join_all};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::{Endpoint, EndpointSource, Endpoints, Event, EventKind};
use crate::Error;
use crate::caller::Tenant;
use crate::clock::Clock;
use crate::observer::{DeliveryOutcome, Observer};
use crate::store::Store;

/// The time that an act waits for a slot of the endpoint, and again for its acknowledgement. An event that takes longer is
/// stored.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

/// The time that an endpoint has to acknowledge an event.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The maximum number of uploads whose events a server remembers as published.
const MAX_PUBLISHED: usize = 10_000;

/// The endpoints, with what this server knows of them. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    source: Option<Arc<dyn EndpointSource>>,
    known: Mutex<HashMap<EndpointName, Known>>,
    /// The times at which pending events may be sent again. An event that is not here was written by another server.
    due: Mutex<HashMap<ObjectKey, Due>>,
    /// The events of acts that have happened, by their notes, which could be neither sent nor stored.
    unpublished: Mutex<HashMap<DraftVersion, Event>>,
    /// The events of uploads that this server has published.
    published: Mutex<HashSet<EventId>>,
    /// The times at which this server last wrote the notes for sweeps.
    wanted: Mutex<HashMap<EventKind, SystemTime>>,
}

/// The next attempt of a pending event.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) at: SystemTime,
    /// The version that this server has written. It may send another one only if the server that wrote it does not.
    pub(super) written: Option<ETag>,
}

/// An endpoint with its state.
#[derive(Debug, Clone)]
struct Known {
    endpoint: Arc<dyn Endpoint>,
    state: EndpointState,
    slots: Arc<Semaphore>,
    /// The time of the oldest pending event, as this server last saw it.
    oldest: Option<SystemTime>,
    /// Notified when an event was written down.
    has_pending: Arc<Notify>,
}

/// The parts of the service that a delivery uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Courier<'a> {
    pub(crate) events: &'a Events,
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) observer: Option<&'a Arc<dyn Observer>>,
    /// `true` if each event is kept in the feed.
    pub(crate) feeds: bool,
}

/// The recipients of an event.
#[derive(Debug)]
pub(crate) struct Recipients {
    endpoints: Vec<Arc<dyn Endpoint>>,
    feed: bool,
}

impl Recipients {
    /// Returns true if nothing wants the event.
    pub(crate) fn is_empty(&self) -> bool {
        self.endpoints.is_empty() && !self.feed
    }
}

/// The parts of a [`Courier`], for a task that outlives the call.
#[derive(Debug, Clone)]
struct OwnedCourier {
    events: Events,
    store: Store,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    feeds: bool,
}

impl OwnedCourier {
    fn borrow(&self) -> Courier<'_> {
        Courier {
            events: &self.events,
            store: &self.store,
            clock: &self.clock,
            observer: self.observer.as_ref(),
            feeds: self.feeds,
        }
    }
}

impl Events {
    pub(crate) fn new(source: Arc<dyn EndpointSource>) -> Self {
        Self(Arc::new(Shared {
            source: Some(source),
            ..Shared::default()
        }))
    }

    /// Returns the current endpoints.
    pub(crate) fn endpoints(&self) -> Endpoints {
        let source = self.0.source.as_ref();
        source.map_or_else(|| Arc::from([]), |source| source.endpoints())
    }

    /// Returns true if some endpoint wants such events, of some callers.
    fn names(&self, kind: EventKind) -> bool {
        self.endpoints().iter().any(|endpoint| endpoint.names(kind))
    }

    /// Returns an event that names a whole key with names relative to the tenant, if there is one.
    pub(super) fn in_tenant(&self, event: Event) -> Event {
        if event.tenant.is_some() {
            return event;
        }
        let source = self.0.source.as_ref();
        match source.and_then(|source| source.tenant_of(&event.subject())) {
            Some(tenant) => event.in_tenant(tenant),
            None => event,
        }
    }

    /// Returns true if this server has published the event of an upload.
    pub(super) fn was_published(&self, id: EventId) -> bool {
        lock(&self.0.published).contains(&id)
    }

    /// Remembers that this server has published the event of an upload.
    pub(super) fn remember(&self, id: EventId) {
        let mut published = lock(&self.0.published);
        if published.len() >= MAX_PUBLISHED {
            published.clear();
        }
        published.insert(id);
    }

    /// Returns the times at which this server last wrote the notes for sweeps.
    pub(super) fn wanted(&self) -> MutexGuard<'_, HashMap<EventKind, SystemTime>> {
        lock(&self.0.wanted)
    }

    /// Returns true if something may be sent to the endpoint now.
    pub(super) fn may_send(&self, endpoint: &Arc<dyn Endpoint>, now: SystemTime) -> bool {
        self.known(endpoint).state.may_send(now)
    }

    /// Returns the time of the oldest pending event, as this server last saw it.
    pub(super) fn oldest(&self, endpoint: &Arc<dyn Endpoint>) -> Option<SystemTime> {
        lock(&self.0.known).get(endpoint.name()).and_then(|known| known.oldest)
    }

    /// Sets the time of the oldest pending event.
    pub(super) fn set_oldest(&self, endpoint: &Arc<dyn Endpoint>, oldest: Option<SystemTime>) {
        if let Some(known) = lock(&self.0.known).get_mut(endpoint.name()) {
            known.oldest = oldest;
        }
    }

    /// Forgets the endpoints that are no longer configured.
    pub(super) fn retain(&self, endpoints: &Endpoints) {
        lock(&self.0.known).retain(|name, _| endpoints.iter().any(|endpoint| endpoint.name() == name));
    }

    /// Returns the times at which pending events may be sent again.
    pub(super) fn due(&self) -> MutexGuard<'_, HashMap<ObjectKey, Due>> {
        lock(&self.0.due)
    }

    /// Returns the events of acts that have happened, which could be neither sent nor stored.
    pub(super) fn unpublished(&self) -> MutexGuard<'_, HashMap<DraftVersion, Event>> {
        lock(&self.0.unpublished)
    }

    /// Waits until this server stores an event for the endpoint.
    pub(super) async fn has_pending(&self, endpoint: &Arc<dyn Endpoint>) {
        let has_pending = self.known(endpoint).has_pending;
        has_pending.notified().await;
    }

    fn known(&self, endpoint: &Arc<dyn Endpoint>) -> Known {
        let mut known = lock(&self.0.known);
        let new = |oldest| Known {
            endpoint: Arc::clone(endpoint),
            state: EndpointState::default(),
            slots: Arc::new(Semaphore::new(endpoint.concurrency())),
            oldest,
            has_pending: Arc::default(),
        };
        let entry = known.entry(endpoint.name().clone()).or_insert_with(|| new(None));
        if !is_same(&entry.endpoint, endpoint) {
            *entry = new(entry.oldest);
        }
        entry.clone()
    }

    fn ended(&self, endpoint: &Arc<dyn Endpoint>, outcome: Outcome, began: SystemTime, now: SystemTime) {
        let mut known = lock(&self.0.known);
        let entry = known.get_mut(endpoint.name());
        // A reload may have replaced the endpoint meanwhile.
        if let Some(entry) = entry.filter(|entry| is_same(&entry.endpoint, endpoint)) {
            entry.state = entry.state.after(outcome, began, now, rand::random());
        }
    }
}

impl Courier<'_> {
    /// Returns the endpoints that want such events, and the feed if each event is kept there.
    pub(crate) fn recipients(&self, kind: EventKind, tenant: Option<&Tenant>) -> Recipients {
        let endpoints = self.events.endpoints();
        let wanting = endpoints.iter().filter(|endpoint| endpoint.wants(kind, tenant));
        Recipients {
            endpoints: wanting.cloned().collect(),
            feed: self.feeds,
        }
    }

    /// Returns true if something wants such events, of some callers.
    pub(crate) fn is_wanted(&self, kind: EventKind) -> bool {
        self.feeds || self.events.names(kind)
    }

    /// Sends an event to endpoints, stores it for those that do not acknowledge it in time, and writes it into the feed.
    ///
    /// # Errors
    /// The error of the store if a recipient does not have the event, and it could not be stored.
    pub(crate) async fn publish(&self, event: &Event, recipients: &Recipients) -> Result<(), Error> {
        let endpoints = recipients.endpoints.iter();
        let published = join_all(endpoints.map(|endpoint| self.publish_to(event, endpoint)));
        let fed = async {
            if recipients.feed {
                self.write_to_feed(event).await
            } else {
                Ok(())
            }
        };
        let (published, fed) = join(published, fed).await;
        published.into_iter().chain([fed]).collect()
    }

    async fn publish_to(&self, event: &Event, endpoint: &Arc<dyn Endpoint>) -> Result<(), Error> {
        let (mut publication, mut step) = Publication::start(self.events.may_send(endpoint, self.clock.now()));
        let (mut sending, mut failed) = (None, None);
        loop {
            step = match step {
                PublishStep::Send => {
                    let (outcome, late) = self.first_attempt(event, endpoint).await;
                    sending = late;
                    publication.sent(outcome)
                }
                PublishStep::Write => {
                    let written = self.write(event, endpoint).await;
                    let is_written = written.is_ok();
                    match written {
                        Ok(version) => {
                            let next = if sending.is_some() { TIMEOUT } else { Duration::ZERO };
                            self.postpone(version.key.clone(), event.id, Some(version.etag.clone()), next);
                            if let Some(sending) = sending.take() {
                                self.forget_when_delivered(version, sending);
                            }
                        }
                        Err(error) => failed = Some(error),
                    }
                    publication.written(is_written)
                }
                PublishStep::Published => return Ok(()),
                PublishStep::NotPublished => {
                    let out_of_step = || Error::Internal("an event was neither sent nor written".into());
                    return Err(failed.map_or_else(out_of_step, Error::from));
                }
            };
        }
    }

    /// Sends an event, and waits for the endpoint for [`FIRST_TIMEOUT`]. Also returns the attempt if it continues.
    async fn first_attempt(
        &self,
        event: &Event,
        endpoint: &Arc<dyn Endpoint>,
    ) -> (Outcome, Option<JoinHandle<Outcome>>) {
        let failed = Outcome::Failed { retry_after: None };
        let Some(slot) = self.slot(endpoint, FIRST_TIMEOUT).await else {
            return (failed, None);
        };
        let (courier, endpoint, event) = (self.owned(), Arc::clone(endpoint), event.clone());
        let (began, to) = (self.clock.now(), Arc::clone(&endpoint));
        let sending =
            async move { courier.borrow().attempt(&endpoint, event.id, &event.json, slot).await }.in_current_span();
        let mut sending = tokio::spawn(sending);
        match timeout(FIRST_TIMEOUT, &mut sending).await {
            // A panic of the task is no answer of the endpoint.
            Ok(ended) => (ended.unwrap_or(failed), None),
            Err(_elapsed) => {
                self.events.ended(&to, failed, began, self.clock.now());
                (failed, Some(sending))
            }
        }
    }

    /// Deletes a stored event if the attempt that began before delivers it.
    fn forget_when_delivered(&self, version: DraftVersion, sending: JoinHandle<Outcome>) {
        let courier = self.owned();
        let forgetting = async move {
            if matches!(sending.await, Ok(Outcome::Delivered)) {
                courier.borrow().delete(&version).await;
                courier.events.due().remove(&version.key);
            }
        };
        tokio::spawn(forgetting.in_current_span());
    }

    fn owned(self) -> OwnedCourier {
        OwnedCourier {
            events: self.events.clone(),
            store: self.store.clone(),
            clock: Arc::clone(self.clock),
            observer: self.observer.cloned(),
            feeds: self.feeds,
        }
    }

    /// Stores an event for an endpoint.
    async fn write(&self, event: &Event, endpoint: &Arc<dyn Endpoint>) -> Result<DraftVersion, StorageError> {
        let pending = PendingEvent {
            endpoint: endpoint.name().clone(),
            id: event.id,
        };
        let key = pending.key();
        let put = PutDraft {
            bucket: &self.store.buckets.draft,
            key: &key,
            bytes: &event.json,
            attributes: Attributes::NONE,
            if_absent: false,
        };
        let etag = self.store.objects().put_draft(&put).await?;
        self.observe(DeliveryOutcome::Postponed);
        let oldest = self.events.oldest(endpoint).unwrap_or(event.id.at());
        self.events.set_oldest(endpoint, Some(oldest));
        self.events.known(endpoint).has_pending.notify_one();
        Ok(DraftVersion { key, etag })
    }

    /// Waits for a slot of an endpoint. A server that has much to send is no failure of the endpoint.
    async fn slot(&self, endpoint: &Arc<dyn Endpoint>, limit: Duration) -> Option<OwnedSemaphorePermit> {
        let slots = self.events.known(endpoint).slots;
        timeout(limit, slots.acquire_owned()).await.ok()?.ok()
    }

    /// Sends an event to an endpoint once, as soon as the endpoint has a slot for it.
    pub(super) async fn send(&self, endpoint: &Arc<dyn Endpoint>, id: EventId, json: &Bytes) -> Outcome {
        match self.slot(endpoint, TIMEOUT).await {
            Some(slot) => self.attempt(endpoint, id, json, slot).await,
            None => Outcome::Failed { retry_after: None },
        }
    }

    /// Sends an event to an endpoint once, and updates the state of the endpoint.
    async fn attempt(
        &self,
        endpoint: &Arc<dyn Endpoint>,
        id: EventId,
        json: &Bytes,
        _slot: OwnedSemaphorePermit,
    ) -> Outcome {
        let began = self.clock.now();
        let sending = timeout(TIMEOUT, endpoint.send(id, json.clone(), began));
        let outcome = sending.await.unwrap_or_else(|_| {
            tracing::warn!(webhook = %endpoint.name(), timeout_s = TIMEOUT.as_secs(), "event not acknowledged in time");
            Outcome::Failed { retry_after: None }
        });
        self.events.ended(endpoint, outcome, began, self.clock.now());
        self.observe(match outcome {
            Outcome::Delivered => DeliveryOutcome::Delivered,
            Outcome::Failed { .. } => DeliveryOutcome::Failed,
            Outcome::Gone => DeliveryOutcome::Gone,
        });
        outcome
    }

    pub(super) fn observe(&self, outcome: DeliveryOutcome) {
        if let Some(observer) = self.observer {
            observer.delivered(outcome);
        }
    }
}

/// Returns true if both are the endpoint of one policy.
pub(super) fn is_same(one: &Arc<dyn Endpoint>, other: &Arc<dyn Endpoint>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics while it holds the lock.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
