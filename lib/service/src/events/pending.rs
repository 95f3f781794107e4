//! The delivery of stored events, by every server.
//!
//! A server does not send an event that another has stored within the last seconds. Before it sends an event, it claims it: it
//! reads the event, and stores it again. So it does not send what another server has delivered, or is sending. If two claim an
//! event at the same moment, the endpoint gets it twice, with one ID.
//!
//! Each endpoint has its own task, so that a slow endpoint does not delay the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use draftstore_protocol::events::{
    EventId, KEPT_FOR, PendingEvent, ReadOutcome, RedeliverStep, Redelivery, WantedNote, attempt_interval,
};
use draftstore_storage::{
    Attributes, DraftVersion, ETag, Error as StorageError, ErrorKind, ListObjects, ListedObject, ObjectKey, PutDraft,
    ReadDraft,
};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::delivery::{Courier, Due, is_same};
use super::{Endpoint, Event, EventKind};
use crate::Drafts;

/// The minimum interval between two listings of the stored events.
const MIN_INTERVAL: Duration = Duration::from_secs(2);

/// The interval at which the server lists events that other servers have stored and not delivered.
const INTERVAL: Duration = Duration::from_secs(60);

/// The maximum length of an event in bytes. None is as long: names have at most 1,024 bytes.
const MAX_EVENT_BYTES: u64 = 64 * 1024;

/// The maximum number of spaces after an event, by which a server makes another version of its object.
const MAX_PADDING: usize = 64;

/// The maximum number of pending events that a server knows the next attempt of, and of events that it could not store.
pub(super) const MAX_KNOWN: usize = 10_000;

/// The kinds of events that a sweep stores.
const OF_SWEEPS: [EventKind; 3] = [
    EventKind::DraftUploaded,
    EventKind::DraftExpired,
    EventKind::ObjectUpdated,
];

/// The task that delivers the pending events of an endpoint.
struct Delivering {
    endpoint: Arc<dyn Endpoint>,
    task: AbortOnDropHandle<()>,
}

impl Drafts {
    /// Delivers events that this server or another has stored, until the future is dropped.
    pub async fn deliver_events(&self) {
        let mut delivering: BTreeMap<_, Delivering> = BTreeMap::new();
        let mut resolving = self.start(Self::resolve_acts);
        loop {
            let endpoints = self.courier().events.endpoints();
            self.courier().events.retain(&endpoints);
            delivering.retain(|name, Delivering { endpoint, task }| {
                let is_over = task.is_finished();
                if is_over {
                    tracing::error!(webhook = %name, "delivery of events panicked");
                }
                !is_over && endpoints.iter().any(|current| is_same(current, endpoint))
            });
            for endpoint in &*endpoints {
                delivering.entry(endpoint.name().clone()).or_insert_with(|| {
                    let of_task = Arc::clone(endpoint);
                    Delivering {
                        endpoint: Arc::clone(endpoint),
                        task: self.start(|drafts| drafts.deliver_to(of_task)),
                    }
                });
            }
            if resolving.is_finished() {
                tracing::error!("resolution of acts panicked");
                resolving = self.start(Self::resolve_acts);
            }
            self.report_oldest();
            self.courier().write_wanted().await;
            sleep(MIN_INTERVAL).await;
        }
    }

    /// Delivers the stored events that may be sent now. Returns true if some are left.
    pub async fn deliver_pending(&self) -> bool {
        let courier = self.courier();
        let endpoints = courier.events.endpoints();
        courier.events.retain(&endpoints);
        courier.write_wanted().await;
        self.resolve_left().await;
        let delivered = join_all(endpoints.iter().map(|endpoint| courier.deliver_round(endpoint))).await;
        self.report_oldest();
        delivered.into_iter().any(|any_left| any_left)
    }

    /// Starts a task, which ends with its handle.
    fn start<F>(&self, act: impl FnOnce(Self) -> F) -> AbortOnDropHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        AbortOnDropHandle::new(tokio::spawn(act(self.clone())))
    }

    async fn deliver_to(self, endpoint: Arc<dyn Endpoint>) {
        loop {
            let any_left = self.courier().deliver_round(&endpoint).await;
            let interval = if any_left { MIN_INTERVAL } else { INTERVAL };
            let rest = interval.saturating_sub(MIN_INTERVAL);
            // Elapsed or not, it is time to list the events again.
            let _ = timeout(rest, self.courier().events.has_pending(&endpoint)).await;
            sleep(MIN_INTERVAL).await;
        }
    }

    async fn resolve_acts(self) {
        loop {
            self.resolve_left().await;
            sleep(INTERVAL).await;
        }
    }

    async fn resolve_left(&self) {
        let courier = self.courier();
        if !courier.feeds && courier.events.endpoints().is_empty() {
            return;
        }
        if let Err(error) = courier.resolve_left(self.longest_act()).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "acts not resolved");
        }
    }

    /// Reports the age of the oldest pending event.
    fn report_oldest(&self) {
        let courier = self.courier();
        if let Some(observer) = courier.observer {
            let endpoints = courier.events.endpoints();
            let oldest = endpoints
                .iter()
                .filter_map(|endpoint| courier.events.oldest(endpoint))
                .min();
            let now = courier.clock.now();
            observer.pending(oldest.map(|at| now.duration_since(at).unwrap_or_default()));
        }
    }
}

impl Courier<'_> {
    /// Stores the notes by which a sweep knows that some endpoint wants its events. The error is logged.
    async fn write_wanted(&self) {
        let now = self.clock.now();
        for kind in OF_SWEEPS {
            let is_due = WantedNote::is_due(self.events.wanted().get(&kind).copied(), now);
            let (true, Some(key)) = (is_due && self.is_wanted(kind), WantedNote::key(kind.as_str())) else {
                continue;
            };
            let put = PutDraft {
                bucket: &self.store.buckets.draft,
                key: &key,
                bytes: &[],
                attributes: Attributes::NONE,
                if_absent: false,
            };
            match self.store.objects().put_draft(&put).await {
                Ok(_) => {
                    self.events.wanted().insert(kind, now);
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(event.kind = kind.as_str(), error, "wanted events not noted");
                }
            }
        }
    }

    /// Delivers the pending events of an endpoint that may be sent now. Returns true if some are left.
    async fn deliver_round(&self, endpoint: &Arc<dyn Endpoint>) -> bool {
        match self.deliver_all(endpoint).await {
            Ok(oldest) => oldest.is_some(),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(webhook = %endpoint.name(), error, "pending events not listed");
                true
            }
        }
    }

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
            tracing::warn!(webhook = %endpoint.name(), error, "event not given up");
        }
        buried.is_ok()
    }

    /// Delivers a pending event if its next attempt is due. Returns true if it is no longer pending.
    async fn deliver(&self, endpoint: &Arc<dyn Endpoint>, id: EventId, object: ListedObject) -> bool {
        let now = self.clock.now();
        let due = self.events.due().get(&object.key).cloned();
        let is_ours = due
            .as_ref()
            .is_some_and(|due| due.written.as_ref() == Some(&object.etag));
        let is_due =
            due.is_none_or(|due| due.at <= now) && (is_ours || PendingEvent::is_free(object.last_modified, now));
        if !is_due || !self.events.may_send(endpoint, now) {
            return false;
        }
        let is_wanted = |event: &Event| endpoint.wants(event.kind, event.tenant.as_ref());
        self.send_again(endpoint, id, object, is_wanted).await
    }

    /// Delivers a stored event, whatever the state of its endpoint and the events that it wants. Returns true if the endpoint has
    /// acknowledged it.
    pub(crate) async fn redeliver(&self, endpoint: &Arc<dyn Endpoint>, id: EventId, object: ListedObject) -> bool {
        self.send_again(endpoint, id, object, |_| true).await
    }

    async fn send_again(
        &self,
        endpoint: &Arc<dyn Endpoint>,
        id: EventId,
        mut object: ListedObject,
        is_wanted: impl Fn(&Event) -> bool,
    ) -> bool {
        let (mut redelivery, mut step) = Redelivery::start();
        let (mut json, mut written) = (Bytes::new(), None);
        loop {
            step = match step {
                RedeliverStep::Read => {
                    let read = self.read(&object).await;
                    let outcome = match read {
                        Ok(bytes) => {
                            json = bytes;
                            // A newer server may know more kinds of events.
                            let event = serde_json::from_slice(&json).ok().as_ref().and_then(Event::of);
                            if event.as_ref().is_none_or(&is_wanted) {
                                ReadOutcome::Found
                            } else {
                                ReadOutcome::Unwanted
                            }
                        }
                        Err(outcome) => outcome,
                    };
                    redelivery.read(outcome)
                }
                RedeliverStep::Claim => {
                    written = self.claim(&object.key, &json).await;
                    if let Some(etag) = &written {
                        object.etag = etag.clone();
                    }
                    redelivery.claimed(written.is_some())
                }
                RedeliverStep::Send => redelivery.sent(self.send(endpoint, id, &json).await),
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
                    self.postpone(object.key, id, written, Duration::ZERO);
                    return false;
                }
            };
        }
    }

    /// Stores an event again, with other spaces at its end, and returns the new version.
    async fn claim(&self, key: &ObjectKey, json: &Bytes) -> Option<ETag> {
        let padding = 1 + rand::random::<u32>() as usize % MAX_PADDING;
        let put = PutDraft {
            bucket: &self.store.buckets.draft,
            key,
            bytes: &[json, &[b' '; MAX_PADDING][..padding]].concat(),
            attributes: Attributes::NONE,
            if_absent: false,
        };
        let claimed = self.store.objects().put_draft(&put).await;
        claimed
            .inspect_err(|error| {
                tracing::warn!(error = error as &dyn std::error::Error, "pending event not claimed");
            })
            .ok()
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
        let without_padding = |json: Vec<u8>| Bytes::copy_from_slice(json.trim_ascii_end());
        json.map(without_padding).map_err(|error| match error.kind {
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

    /// Sets the time of the next attempt, which is at least this far away. `written` is the version that this server wrote.
    pub(super) fn postpone(&self, key: ObjectKey, id: EventId, written: Option<ETag>, at_least: Duration) {
        let now = self.clock.now();
        let age = now.duration_since(id.at()).unwrap_or_default();
        let mut due = self.events.due();
        if due.len() >= MAX_KNOWN {
            due.retain(|_, due| due.at > now);
        }
        if due.len() < MAX_KNOWN {
            let at = next_attempt(now, age).max(now + at_least);
            due.insert(key, Due { at, written });
        }
    }
}

fn next_attempt(now: SystemTime, age: Duration) -> SystemTime {
    now + attempt_interval(age, rand::random())
}
