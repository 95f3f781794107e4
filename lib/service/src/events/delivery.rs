//! The delivery of an event before its act is answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use draftstore_protocol::events::{
    EndpointName, EndpointState, EventId, Outcome, PendingEvent, Publication, PublishStep,
};
use draftstore_storage::{Attributes, DraftVersion, Error as StorageError, ObjectKey, PutDraft};
use futures::future::{join, join_all};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::{Endpoint, EndpointSource, Endpoints, Event, EventKind};
use crate::Error;
use crate::caller::Tenant;
use crate::clock::Clock;
use crate::observer::{DeliveryOutcome, Observer};
use crate::store::Store;

/// The time that an act waits for a slot of the endpoint, and again for its acknowledgement. An event that takes longer is
/// stored, and sent again later.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

/// The endpoints, with what this server knows of them. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    source: Option<Arc<dyn EndpointSource>>,
    known: Mutex<HashMap<EndpointName, Known>>,
    /// The times at which pending events may be sent again. An event that is not here may be sent at once.
    due: Mutex<HashMap<ObjectKey, SystemTime>>,
    /// The events of acts that have happened, by their notes, which could be neither sent nor stored.
    unpublished: Mutex<HashMap<DraftVersion, Event>>,
    /// Notified when an event was stored.
    has_pending: Notify,
}

/// An endpoint with its state.
#[derive(Debug, Clone)]
struct Known {
    endpoint: Arc<dyn Endpoint>,
    state: EndpointState,
    slots: Arc<Semaphore>,
    /// The time of the oldest pending event, as this server last saw it.
    oldest: Option<SystemTime>,
}

/// The parts of the service that a delivery uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Courier<'a> {
    pub(crate) events: &'a Events,
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a dyn Clock,
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

    /// Returns true if something may be sent to the endpoint now.
    pub(super) fn may_send(&self, endpoint: &Arc<dyn Endpoint>, now: SystemTime) -> bool {
        self.known(endpoint).0.may_send(now)
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
    pub(super) fn due(&self) -> MutexGuard<'_, HashMap<ObjectKey, SystemTime>> {
        lock(&self.0.due)
    }

    /// Returns the events of acts that have happened, which could be neither sent nor stored.
    pub(super) fn unpublished(&self) -> MutexGuard<'_, HashMap<DraftVersion, Event>> {
        lock(&self.0.unpublished)
    }

    /// Waits until an event is stored.
    pub(super) async fn has_pending(&self) {
        self.0.has_pending.notified().await;
    }

    fn known(&self, endpoint: &Arc<dyn Endpoint>) -> (EndpointState, Arc<Semaphore>) {
        let mut known = lock(&self.0.known);
        let new = || Known {
            endpoint: Arc::clone(endpoint),
            state: EndpointState::default(),
            slots: Arc::new(Semaphore::new(endpoint.concurrency())),
            oldest: None,
        };
        let entry = known.entry(endpoint.name().clone()).or_insert_with(new);
        if !is_same(&entry.endpoint, endpoint) {
            *entry = new();
        }
        (entry.state, Arc::clone(&entry.slots))
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
        let mut failed = None;
        loop {
            step = match step {
                PublishStep::Send => {
                    let outcome = self.attempt(endpoint, event.id, &event.json, FIRST_TIMEOUT).await;
                    publication.sent(outcome)
                }
                PublishStep::Write => {
                    let written = self.write(event, endpoint).await;
                    failed = written.err();
                    publication.written(failed.is_none())
                }
                PublishStep::Published => return Ok(()),
                PublishStep::NotPublished => {
                    let out_of_step = || Error::Internal("an event was neither sent nor written".into());
                    return Err(failed.map_or_else(out_of_step, Error::from));
                }
            };
        }
    }

    /// Stores an event for an endpoint.
    async fn write(&self, event: &Event, endpoint: &Arc<dyn Endpoint>) -> Result<(), StorageError> {
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
        self.store.objects().put_draft(&put).await?;
        self.observe(DeliveryOutcome::Postponed);
        let oldest = self.events.oldest(endpoint).unwrap_or(event.id.at());
        self.events.set_oldest(endpoint, Some(oldest));
        self.postpone(key, event.id);
        self.events.0.has_pending.notify_one();
        Ok(())
    }

    /// Sends an event to an endpoint once, and updates the state of the endpoint.
    pub(super) async fn attempt(
        &self,
        endpoint: &Arc<dyn Endpoint>,
        id: EventId,
        json: &Bytes,
        limit: Duration,
    ) -> Outcome {
        let failed = Outcome::Failed { retry_after: None };
        let (_, slots) = self.events.known(endpoint);
        // A server that has much to send is no failure of the endpoint.
        let Ok(Ok(_slot)) = timeout(limit, slots.acquire()).await else {
            return failed;
        };
        let began = self.clock.now();
        let sending = timeout(limit, endpoint.send(id, json.clone(), began));
        let outcome = sending.await.unwrap_or_else(|_| {
            tracing::warn!(endpoint = %endpoint.name(), timeout_s = limit.as_secs(), "event not acknowledged in time");
            failed
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
fn is_same(one: &Arc<dyn Endpoint>, other: &Arc<dyn Endpoint>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics while it holds the lock.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
