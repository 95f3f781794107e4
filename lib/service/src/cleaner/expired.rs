//! The events of drafts that a sweep deletes because they have expired.
//!
//! The sweep may run in a program without a policy. So it stores the event of each draft before it deletes the draft, and a server
//! publishes it. If no endpoint wants such events, the sweep makes no call for them.

use std::collections::BTreeMap;
use std::time::Duration;

use draftstore_protocol::DraftId;
use draftstore_protocol::events::{Trace, WantedNote};
use draftstore_protocol::sweep::Expiry;
use draftstore_storage::{DeleteFailure, DraftVersion, Error, ErrorKind, ListedObject, ObjectKey};
use futures::FutureExt as _;
use serde_json::json;

use super::{Cleaner, WantedEvents, concurrently};
use crate::draft::found;
use crate::events::{Act, EventKind, NewAct, TraceAt, object_fields};

/// The time by which the clock of this machine may be behind the store's, by which drafts expire.
const SKEW: Duration = Duration::from_secs(3600);

/// A draft with its stored event.
struct Noted {
    act: Act,
    traces: Vec<TraceAt>,
}

impl Cleaner {
    /// Returns the kinds of events that some endpoint wants. An error is logged, and the sweep then stores events in case one does:
    /// a server drops those that none wants.
    pub(super) async fn wanted(&self) -> WantedEvents {
        WantedEvents {
            uploaded: self.wants(EventKind::DraftUploaded).await,
            expired: self.wants(EventKind::DraftExpired).await,
        }
    }

    /// Returns true if some endpoint wants events of this kind, or if that is not known.
    pub(super) async fn wants(&self, kind: EventKind) -> bool {
        self.is_wanted(kind).await.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(event.kind = kind.as_str(), error, "wanted events not read");
            true
        })
    }

    async fn is_wanted(&self, kind: EventKind) -> Result<bool, Error> {
        let Some(key) = WantedNote::key(kind.as_str()) else {
            return Ok(false);
        };
        let note = found(self.store.objects().head(self.store.buckets.draft.name(), &key).await)?;
        Ok(note.is_some_and(|note| WantedNote::counts(note.last_modified, self.clock.now())))
    }

    /// Deletes drafts, after it has stored the events of those that have expired. A draft whose event could not be stored is left
    /// to the next sweep.
    pub(super) async fn delete_published(
        &self,
        drafts: Vec<DraftVersion>,
        delete: impl AsyncFnOnce(Vec<DraftVersion>) -> Result<Vec<DeleteFailure>, Error>,
    ) -> Result<Vec<DeleteFailure>, Error> {
        if !self.wanted.expired {
            return delete(drafts).await;
        }
        let noted = concurrently(drafts, |draft| self.note(draft).boxed()).await;
        let (mut deleting, mut acts, mut left) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (draft, noted) in noted {
            match noted {
                Ok(noted) => {
                    acts.extend(noted.map(|noted| (draft.key.clone(), noted)));
                    deleting.push(draft);
                }
                Err(error) => {
                    tracing::error!(object.key = %draft.key, error = &error as &dyn std::error::Error, "event of a draft not written");
                    left.push(DeleteFailure {
                        key: draft.key,
                        kind: error.kind,
                        code: error.to_string(),
                    });
                }
            }
        }
        let mut failures = if deleting.is_empty() {
            Vec::new()
        } else {
            delete(deleting).await?
        };
        self.settle(acts, &failures).await;
        failures.extend(left);
        Ok(failures)
    }

    /// Stores the event of a draft that is about to be deleted, if it has expired. An object of the server itself and a rejected
    /// draft have no such event.
    async fn note(&self, draft: DraftVersion) -> (DraftVersion, Result<Option<Noted>, Error>) {
        let noted = self.noted(&draft).await;
        (draft, noted)
    }

    async fn noted(&self, draft: &DraftVersion) -> Result<Option<Noted>, Error> {
        let (id, name) = match DraftId::split(draft.key.as_str()) {
            Some((id, name)) => (Some(json!(id.to_string())), name),
            None if is_reserved(&draft.key) => return Ok(None),
            None => (None, draft.key.as_str()),
        };
        let (buckets, objects) = (&self.store.buckets, self.store.objects());
        let found = found(objects.head(buckets.draft.name(), &draft.key).await)?;
        let Some(info) = found.filter(|info| info.etag == draft.etag) else {
            return Ok(None);
        };
        let listed = ListedObject {
            key: draft.key.clone(),
            etag: draft.etag.clone(),
            size: info.size,
            last_modified: info.last_modified,
            storage_class: None,
        };
        if !Expiry::at(self.clock.now() + SKEW, &self.policy).of_draft(&listed) {
            return Ok(None);
        }
        let not_confirmed = || -> Option<TraceAt> {
            let main = ObjectKey::new(name).ok()?;
            Some(TraceAt::in_main(&main, Trace::of_no_confirm(&draft.etag)))
        };
        let mut fields = object_fields(&info);
        fields.extend([("draft_name", Some(json!(name))), ("draft_id", id)]);
        let absent = TraceAt::in_draft(&draft.key, Trace::Absent);
        let act = NewAct {
            kind: EventKind::DraftExpired,
            bucket: buckets.draft.name(),
            tenant: None,
            object_name: name,
            act: &[draft.key.as_str(), draft.etag.as_str()],
            fields,
            traces: std::iter::once(absent).chain(not_confirmed()).collect(),
        };
        let act = act.write(&self.store, self.clock.now()).await?;
        let traces = not_confirmed().into_iter().collect();
        Ok(Some(Noted { act, traces }))
    }

    /// Deletes the notes of drafts that were not deleted. A named draft may be uploaded again at any time, so its absence is no
    /// trace that lasts: its note is stored again without that trace.
    async fn settle(&self, acts: BTreeMap<ObjectKey, Noted>, failures: &[DeleteFailure]) {
        let failed: BTreeMap<_, _> = failures.iter().map(|failure| (&failure.key, failure.kind)).collect();
        let settling = acts.into_iter().map(|(key, noted)| {
            let failed = failed.get(&key).copied();
            (key, noted, failed)
        });
        concurrently(settling.collect(), |(key, noted, failed)| {
            async move {
                let settled = match failed {
                    Some(ErrorKind::PreconditionFailed) => {
                        let note = noted.act.note();
                        self.store.objects().delete_draft(&self.store.buckets.draft, note).await
                    }
                    None if !is_reserved(&key) => noted.act.settle(&self.store, noted.traces).await,
                    // The traces decide, now or when the draft is deleted.
                    None | Some(_) => Ok(()),
                };
                if let Err(error) = settled {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(object.key = %key, error, "event of a draft not settled");
                }
            }
            .boxed()
        })
        .await;
    }
}

fn is_reserved(key: &ObjectKey) -> bool {
    key.as_str().starts_with(draftstore_protocol::RESERVED_PREFIX)
}
