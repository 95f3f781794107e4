//! The driver of [`draftstore_protocol::events::ActStep`]: the events of acts that a repeat could
//! not recognise, such as deletes.

use std::time::{Duration, SystemTime};

use draftstore_protocol::events::{ActEnd, ActNote, ActStep, Trace};
use draftstore_storage::{
    Attributes, BucketName, DraftVersion, Error as StorageError, ListObjects, ListedObject, MainBucket, ObjectInfo,
    ObjectKey, PutDraft, VersionId,
};
use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::delivery::Courier;
use super::event::{Event, EventFacts, EventKind, Fields, act_digest, object_fields};
use super::pending::MAX_KNOWN;
use crate::caller::Tenant;
use crate::{Error, Store, draft};

/// The maximum number of acts that are resolved concurrently.
const MAX_CONCURRENT: usize = 8;

/// The time beyond the longest confirm after which every act is over.
const SLACK: Duration = Duration::from_secs(60);

/// An act that is about to happen.
#[derive(Debug)]
pub(crate) struct NewAct<'a> {
    pub(crate) kind: EventKind,
    pub(crate) bucket: &'a BucketName,
    pub(crate) tenant: Option<&'a Tenant>,
    /// The name of the draft or the object, relative to the tenant.
    pub(crate) object_name: &'a str,
    /// The parts that a repeat of the act has too, and no other act.
    pub(crate) act: &'a [&'a str],
    pub(crate) fields: Fields,
    pub(crate) traces: Vec<TraceAt>,
}

/// A trace, with its place in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TraceAt {
    stage: Stage,
    key: String,
    /// The version of an object in main. `None` is the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(flatten)]
    trace: Trace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Draft,
    Main,
}

impl TraceAt {
    pub(crate) fn in_draft(key: &ObjectKey, trace: Trace) -> Self {
        Self::at(Stage::Draft, key, trace)
    }

    pub(crate) fn in_main(key: &ObjectKey, trace: Trace) -> Self {
        Self::at(Stage::Main, key, trace)
    }

    /// Returns the trace of a version that was deleted.
    pub(crate) fn of_version(key: &ObjectKey, version: Option<&VersionId>) -> Self {
        Self {
            version: version.map(|version| version.as_str().to_owned()),
            ..Self::in_main(key, Trace::Absent)
        }
    }

    fn at(stage: Stage, key: &ObjectKey, trace: Trace) -> Self {
        Self {
            stage,
            key: key.as_str().to_owned(),
            version: None,
            trace,
        }
    }
}

/// The content of a note.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    event: Value,
    /// The bucket of the traces in main. `None` is the main bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    main: Option<String>,
    traces: Vec<TraceAt>,
}

/// An act in progress, with its stored note.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    event: Event,
    note: DraftVersion,
}

impl NewAct<'_> {
    fn note(&self) -> ActNote {
        ActNote::new(act_digest(self.kind, self.bucket, self.act))
    }

    fn event(&self, at: SystemTime) -> Event {
        let facts = EventFacts {
            kind: self.kind,
            at,
            bucket: self.bucket,
            tenant: self.tenant,
            object_name: self.object_name,
            act: self.act,
        };
        facts.with(self.fields.clone())
    }

    /// Stores the event of an act that is about to happen.
    ///
    /// # Errors
    /// The error of the store. The act must not happen then.
    pub(crate) async fn write(self, store: &Store, at: SystemTime) -> Result<Act, StorageError> {
        let (event, note) = (self.event(at), self.note());
        Act::written(store, event, note.key().clone(), self.traces).await
    }
}

impl Act {
    async fn written(store: &Store, event: Event, key: ObjectKey, traces: Vec<TraceAt>) -> Result<Self, StorageError> {
        let written = Written {
            event: event.to_value(),
            main: Some(store.buckets.main.name().to_string()),
            traces,
        };
        let put = PutDraft {
            bucket: &store.buckets.draft,
            key: &key,
            bytes: &serde_json::to_vec(&written).unwrap_or_default(),
            attributes: Attributes::NONE,
            if_absent: false,
        };
        let etag = store.objects().put_draft(&put).await?;
        let note = DraftVersion { key, etag };
        Ok(Self { event, note })
    }

    /// Stores the event again after the act, with the traces that are enough to publish it from now on.
    ///
    /// # Errors
    /// The error of the store. The note still has the traces of before.
    pub(crate) async fn settle(self, store: &Store, traces: Vec<TraceAt>) -> Result<(), StorageError> {
        Self::written(store, self.event, self.note.key, traces).await.map(drop)
    }

    /// Returns the note of the act.
    pub(crate) fn note(&self) -> &DraftVersion {
        &self.note
    }
}

impl Courier<'_> {
    /// Stores the event of an act that is about to happen. If nothing wants it, makes no call and returns `None`.
    ///
    /// # Errors
    /// The error of the store. The act must not happen then.
    pub(crate) async fn begin(&self, act: NewAct<'_>) -> Result<Option<Act>, StorageError> {
        if self.recipients(act.kind, act.tenant).is_empty() {
            return Ok(None);
        }
        act.write(self.store, self.clock.now()).await.map(Some)
    }

    /// Publishes the event of an act that has happened, with further fields of its data, and forgets that of another one.
    /// No error is returned: what is left of an act is resolved later.
    pub(crate) async fn end(&self, act: Option<Act>, end: ActEnd, fields: Fields) {
        if let Some(act) = act {
            self.follow(ActStep::after(end), act, fields).await;
        }
    }

    /// Forgets an act that crashed, because another one has explained its traces. If nothing wants its event, makes no call.
    ///
    /// # Errors
    /// The error of the store. The event may still be sent then.
    pub(crate) async fn forget(&self, act: &NewAct<'_>) -> Result<(), StorageError> {
        if self.recipients(act.kind, act.tenant).is_empty() {
            return Ok(());
        }
        self.forget_note(act).await
    }

    /// Forgets an act of a sweep, as [`Courier::forget`] does. The sweep knows no tenants.
    ///
    /// # Errors
    /// The error of the store. The event may still be sent then.
    pub(crate) async fn forget_of_sweep(&self, act: &NewAct<'_>) -> Result<(), StorageError> {
        if !self.is_wanted(act.kind) {
            return Ok(());
        }
        self.forget_note(act).await
    }

    async fn forget_note(&self, act: &NewAct<'_>) -> Result<(), StorageError> {
        match self.note(act.note().key().clone()).await? {
            Some(note) => {
                self.store
                    .objects()
                    .delete_draft(&self.store.buckets.draft, &note)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Returns the note at a key, if there is one.
    async fn note(&self, key: ObjectKey) -> Result<Option<DraftVersion>, StorageError> {
        let draft = self.store.buckets.draft.name();
        let object = draft::found(self.store.objects().head(draft, &key).await)?;
        Ok(object.map(|ObjectInfo { etag, .. }| DraftVersion { key, etag }))
    }

    /// Publishes the event of an act that an earlier call has made, if that call ended before it did. A repeat of the call does so
    /// before its answer: the next act may remove the traces.
    ///
    /// # Errors
    /// The error of the store. The repeat must not be answered then.
    pub(crate) async fn publish_left(&self, act: NewAct<'_>) -> Result<(), StorageError> {
        if self.recipients(act.kind, act.tenant).is_empty() {
            return Ok(());
        }
        let key = act.note().key().clone();
        let Some(note) = draft::found(self.store.objects().head(self.store.buckets.draft.name(), &key).await)? else {
            return Ok(());
        };
        let note = ListedObject {
            key,
            etag: note.etag,
            size: note.size,
            last_modified: note.last_modified,
            storage_class: None,
        };
        // A note that is gone has been resolved.
        if let Ok(bytes) = self.read(&note).await
            && let Some((event, ..)) = written(&bytes)
        {
            let (key, etag) = (note.key, note.etag);
            let left = Act {
                event,
                note: DraftVersion { key, etag },
            };
            self.follow(ActStep::Publish, left, act.fields).await;
        }
        Ok(())
    }

    /// Resolves the acts that ended without a result longer ago than any act takes.
    pub(super) async fn resolve_left(&self, longest: Duration) -> Result<(), StorageError> {
        let mut list = ListObjects {
            prefix: Some(ActNote::prefix()),
            ..ListObjects::default()
        };
        loop {
            let draft = self.store.buckets.draft.name();
            let page = self.store.objects().list(draft, &list).await?;
            let now = self.clock.now();
            let is_left = |object: &ListedObject| ActNote::is_over(object.last_modified, now, longest + SLACK);
            let left: Vec<_> = page.objects.into_iter().filter(is_left).collect();
            let resolving: Vec<_> = left.iter().map(|object| self.resolve(object)).collect();
            let resolving = stream::iter(resolving).buffer_unordered(MAX_CONCURRENT);
            let resolved: Vec<Result<(), StorageError>> = resolving.collect().await;
            resolved.into_iter().collect::<Result<(), _>>()?;
            list.continuation = page.next;
            if list.continuation.is_none() {
                return Ok(());
            }
        }
    }

    async fn resolve(&self, object: &ListedObject) -> Result<(), StorageError> {
        let note = DraftVersion {
            key: object.key.clone(),
            etag: object.etag.clone(),
        };
        // This server knows that the act happened, whatever the store shows by now.
        let known = self.events.unpublished().remove(&note);
        if let Some(event) = known {
            self.follow(ActStep::Publish, Act { event, note }, Fields::new()).await;
            return Ok(());
        }
        let Ok(bytes) = self.read(object).await else {
            return Ok(());
        };
        let Some((event, main, traces)) = written(&bytes) else {
            tracing::error!(object.key = %object.key, "note of an act unreadable");
            return Ok(());
        };
        let (mut found, mut fields) = (Vec::with_capacity(traces.len()), Fields::new());
        let mut uploaded = None;
        for (
            TraceAt {
                stage, version, trace, ..
            },
            key,
        ) in traces
        {
            let (objects, buckets) = (self.store.objects(), &self.store.buckets);
            let object = match (stage, version) {
                (Stage::Draft, _) => draft::found(objects.head(buckets.draft.name(), &key).await)?,
                (Stage::Main, None) => {
                    let main = main.as_ref().unwrap_or(buckets.main.name());
                    draft::found(objects.head(main, &key).await)?
                }
                (Stage::Main, Some(version)) => {
                    let mut all = std::iter::once(&buckets.main).chain(&buckets.destinations);
                    let is_named = |bucket: &&MainBucket| main.as_ref().is_none_or(|main| main == bucket.name());
                    // A bucket that is no longer configured shows nothing.
                    let Some(bucket) = all.find(is_named) else {
                        return Ok(());
                    };
                    let version = VersionId::new(version);
                    let described = objects.describe(bucket, &key, Some(&version)).await;
                    draft::found(described.map(|described| described.info))?
                }
            };
            if let (EventKind::DraftUploaded, Some(draft)) = (event.kind, &object) {
                uploaded = Some(self.uploaded(&key, draft));
            }
            if let (Stage::Main, Trace::Metadata { .. }, Some(result)) = (stage, &trace, &object) {
                fields = object_fields(result);
            }
            found.push((trace, object));
        }
        let step = ActStep::of_left(found.iter().map(|(trace, object)| (trace, object.as_ref())));
        // A confirm that explains the traces has forgotten the act, and may have done so after the read of the note.
        if step == ActStep::Publish && self.note(note.key.clone()).await?.as_ref() != Some(&note) {
            return Ok(());
        }
        let event = uploaded.unwrap_or_else(|| self.events.in_tenant(event));
        self.follow(step, Act { event, note }, fields).await;
        Ok(())
    }

    /// Deletes the note of an act.
    pub(crate) async fn remove_note(&self, act: &Act) {
        self.delete(&act.note).await;
    }

    async fn follow(&self, step: ActStep, act: Act, fields: Fields) {
        match step {
            ActStep::Publish => {
                let event = act.event.with(fields);
                let recipients = self.recipients(event.kind, event.tenant.as_ref());
                match self.publish(&event, &recipients).await {
                    Ok(()) => self.delete(&act.note).await,
                    Err(error) => {
                        tracing::warn!(event.id = %event.id, error = &error as &dyn std::error::Error, "event left");
                        let mut unpublished = self.events.unpublished();
                        if unpublished.len() < MAX_KNOWN {
                            unpublished.insert(act.note, event);
                        }
                    }
                }
            }
            ActStep::Remove => self.delete(&act.note).await,
            ActStep::Leave => {}
        }
    }
}

impl From<&Error> for ActEnd {
    fn from(error: &Error) -> Self {
        let is_unclear = matches!(
            error,
            Error::StoreUnavailable(_) | Error::StoreCredentials(_) | Error::StoreUnsupported(_) | Error::Internal(_)
        );
        if is_unclear { Self::Unclear } else { Self::Refused }
    }
}

/// A trace with the key of its place.
type PlacedTrace = (TraceAt, ObjectKey);

/// Returns the event of a note, the bucket of its traces in main, and the traces.
fn written(bytes: &[u8]) -> Option<(Event, Option<BucketName>, Vec<PlacedTrace>)> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    let main = match written.main {
        Some(main) => Some(main.parse().ok()?),
        None => None,
    };
    let traces = written.traces.into_iter();
    let traces = traces.map(|trace| {
        let key = trace.key.parse().ok()?;
        Some((trace, key))
    });
    Some((Event::of(&written.event)?, main, traces.collect::<Option<_>>()?))
}
