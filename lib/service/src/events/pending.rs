//! The delivery of stored events, by every server.
//!
//! A server reads the event just before it sends it, so that it does not send what another has delivered meanwhile. If two
//! send it at once, the endpoint gets it twice, with one ID.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use draftstore_protocol::events::{
    EventId, KEPT_FOR, PendingEvent, ReadOutcome, RedeliverStep, Redelivery, attempt_interval,
};
use draftstore_storage::{
    DraftVersion, Error as StorageError, ErrorKind, ListObjects, ListedObject, ObjectKey, ReadDraft,
};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use tokio::time::{sleep, timeout};

use super::Endpoint;
use super::delivery::Courier;
use crate::Drafts;

/// The timeout of the delivery of a stored event.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The minimum interval between two listings of the stored events.
const MIN_INTERVAL: Duration = Duration::from_secs(2);

/// The interval at which the server lists events that other servers have stored and not delivered.
const INTERVAL: Duration = Duration::from_secs(60);

/// The maximum length of an event in bytes. None is as long: names have at most 1,024 bytes.
const MAX_EVENT_BYTES: u64 = 64 * 1024;

/// The maximum number of pending events that a server knows the next attempt of, and of events that it could not store.
pub(super) const MAX_KNOWN: usize = 10_000;

impl Drafts {
    /// Delivers events that this server or another has stored, until the future is dropped.
    pub async fn deliver_events(&self) {
        loop {
            let interval = if self.deliver_pending().await {
                MIN_INTERVAL
            } else {
                INTERVAL
            };
            // Elapsed or not, it is time to list the events again.
            let _ = timeout(
                interval.saturating_sub(MIN_INTERVAL),
                self.courier().events.has_pending(),
            )
            .await;
            sleep(MIN_INTERVAL).await;
        }
    }

    /// Delivers the stored events that may be sent now. Returns true if some are left.
    pub async fn deliver_pending(&self) -> bool {
        let courier = self.courier();
        let endpoints = courier.events.endpoints();
        courier.events.retain(&endpoints);
        if (courier.feeds || !endpoints.is_empty())
            && let Err(error) = courier.resolve_left(self.longest_act()).await
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "acts not resolved");
        }
        let delivered = join_all(endpoints.iter().map(|endpoint| courier.deliver_all(endpoint))).await;
        let (mut oldest, mut any_left) = (None, false);
        for (endpoint, delivered) in endpoints.iter().zip(delivered) {
            match delivered {
                Ok(left) => {
                    any_left |= left.is_some();
                    oldest = oldest.into_iter().chain(left).min();
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(endpoint = %endpoint.name(), error, "pending events not listed");
                    any_left = true;
                }
            }
        }
        if let Some(observer) = courier.observer {
            let now = courier.clock.now();
            observer.pending(oldest.map(|at| now.duration_since(at).unwrap_or_default()));
        }
        any_left
    }
}

impl Courier<'_> {
    /// Delivers the pending events of an endpoint, the oldest first, and buries those that are given up. Returns the time of the
    /// oldest that is left.
    async fn deliver_all(&self, endpoint: &Arc<dyn Endpoint>) -> Result<Option<SystemTime>, StorageError> {
        let oldest = self.events.oldest(endpoint);
        let buries = oldest.is_some_and(|at| at + KEPT_FOR <= self.clock.now());
        // Nothing could be sent or buried, so nothing needs to be listed.
        if !buries && !self.events.may_send(endpoint, self.clock.now()) {
            return Ok(oldest);
        }
        let mut list = ListObjects {
            prefix: Some(PendingEvent::prefix(endpoint.name())),
            ..ListObjects::default()
        };
        let mut oldest = None;
        loop {
            let objects = self.store.objects();
            let page = objects.list(self.store.buckets.draft.name(), &list).await?;
            let pending = page.objects.into_iter();
            let pending = pending.filter_map(|object| Some((PendingEvent::in_key(&object.key)?, object)));
            let sending: Vec<_> = pending
                .map(|(event, object)| async move { (event.id, self.deliver_or_bury(endpoint, event, object).await) })
                .collect();
            let left = stream::iter(sending).buffered(endpoint.concurrency());
            let left = left.filter_map(|(id, is_done)| async move { (!is_done).then(|| id.at()) });
            let left: Vec<_> = left.collect().await;
            oldest = oldest.or_else(|| left.first().copied());
            list.continuation = page.next;
            let is_left = oldest.is_some() && !self.events.may_send(endpoint, self.clock.now());
            if list.continuation.is_none() || is_left {
                self.events.set_oldest(endpoint, oldest);
                return Ok(oldest);
            }
        }
    }

    async fn deliver_or_bury(&self, endpoint: &Arc<dyn Endpoint>, event: PendingEvent, object: ListedObject) -> bool {
        if event.given_up_at() > self.clock.now() {
            return self.deliver(endpoint, event.id, object).await;
        }
        let buried = self.bury(event, object).await;
        if let Err(error) = &buried {
            let error = error as &dyn std::error::Error;
            tracing::warn!(endpoint = %endpoint.name(), error, "event not given up");
        }
        buried.is_ok()
    }

    /// Delivers a pending event if its next attempt is due. Returns true if it is no longer pending.
    async fn deliver(&self, endpoint: &Arc<dyn Endpoint>, id: EventId, object: ListedObject) -> bool {
        let now = self.clock.now();
        let is_due = self.events.due().get(&object.key).is_none_or(|due| *due <= now);
        if !is_due || !self.events.may_send(endpoint, now) {
            return false;
        }
        self.redeliver(endpoint, id, object).await
    }

    /// Delivers a stored event, whatever the state of its endpoint. Returns true if the endpoint has acknowledged it.
    pub(crate) async fn redeliver(&self, endpoint: &Arc<dyn Endpoint>, id: EventId, object: ListedObject) -> bool {
        let (mut redelivery, mut step) = Redelivery::start();
        let mut json = Bytes::new();
        loop {
            step = match step {
                RedeliverStep::Read => {
                    let read = self.read(&object).await;
                    let outcome = match read {
                        Ok(bytes) => {
                            json = bytes;
                            ReadOutcome::Found
                        }
                        Err(outcome) => outcome,
                    };
                    redelivery.read(outcome)
                }
                RedeliverStep::Send => redelivery.sent(self.attempt(endpoint, id, &json, TIMEOUT).await),
                RedeliverStep::Delete => {
                    let version = DraftVersion {
                        key: object.key.clone(),
                        etag: object.etag.clone(),
                    };
                    self.delete(&version).await;
                    redelivery.deleted()
                }
                RedeliverStep::Delivered => {
                    self.events.due().remove(&object.key);
                    return true;
                }
                RedeliverStep::Left => {
                    self.postpone(object.key, id);
                    return false;
                }
            };
        }
    }

    pub(crate) async fn read(&self, object: &ListedObject) -> Result<Bytes, ReadOutcome> {
        if !(1..=MAX_EVENT_BYTES).contains(&object.size) {
            return Err(ReadOutcome::Failed);
        }
        let read = ReadDraft {
            bucket: &self.store.buckets.draft,
            key: &object.key,
            etag: &object.etag,
            range: 0..object.size,
        };
        let json = self.store.objects().read_draft(&read).await;
        json.map(Bytes::from).map_err(|error| match error.kind {
            ErrorKind::NotFound | ErrorKind::PreconditionFailed => ReadOutcome::Gone,
            ErrorKind::BucketNotFound
            | ErrorKind::Archived
            | ErrorKind::Conflict
            | ErrorKind::TooLarge
            | ErrorKind::CredentialsRefused
            | ErrorKind::Unsupported
            | ErrorKind::Unavailable
            | ErrorKind::Unexpected => {
                tracing::warn!(error = &error as &dyn std::error::Error, "pending event not read");
                ReadOutcome::Failed
            }
        })
    }

    /// Deletes the object of an event. No error is returned: what is left is sent once more.
    pub(super) async fn delete(&self, version: &DraftVersion) {
        let deleted = self.store.objects().delete_draft(&self.store.buckets.draft, version);
        if let Err(error) = deleted.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "delivered event not deleted");
        }
    }

    /// Sets the time of the next attempt.
    pub(super) fn postpone(&self, key: ObjectKey, id: EventId) {
        let now = self.clock.now();
        let age = now.duration_since(id.at()).unwrap_or_default();
        let mut due = self.events.due();
        if due.len() >= MAX_KNOWN {
            due.retain(|_, due| *due > now);
        }
        if due.len() < MAX_KNOWN {
            due.insert(key, next_attempt(now, age));
        }
    }
}

fn next_attempt(now: SystemTime, age: Duration) -> SystemTime {
    now + attempt_interval(age, rand::random())
}
