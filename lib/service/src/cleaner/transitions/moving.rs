//! The move of one object to another storage class: the driver of an update by [`draftstore_protocol::kept`], without a caller.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use draftstore_protocol::confirm::{Existing, MarkerDigest, StagingNote, settlement_key};
use draftstore_protocol::events::Trace;
use draftstore_protocol::kept::{
    Changes, Source, Transfer, TransferAnswer as Answer, TransferEffect as Effect, TransferError, TransferKind,
    TransferStep, Transferred, Transferring,
};
use draftstore_storage::{
    Attributes, Condition, CopyInMain, DraftVersion, ETag, Error, ErrorKind, IfDestination, ListedObject, PutDraft,
    StageInMain, StorageOptions,
};
use tokio::time::timeout;

use super::Cleaner;
use crate::Store;
use crate::draft::{found, options_of};
use crate::events::{Act, EventKind, Fields, NewAct, TraceAt, object_fields};
use crate::limits::MAX_DESTINATION_KEY_BYTES;

/// The end of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MoveEnd {
    /// The object has the new class.
    Moved,
    /// The object has changed meanwhile, or may not be changed yet.
    Left,
    /// The move failed. The error is logged.
    Failed,
}

/// A move in progress.
pub(super) struct Moving<'a> {
    cleaner: &'a Cleaner,
    /// The store with the object's bucket as its main bucket.
    store: &'a Store,
    object: ListedObject,
    class: &'a str,
    is_told: bool,
    /// The mark of this move in the metadata, by which a copy whose answer was lost is found.
    request: MarkerDigest,
    source_has_tags: bool,
    /// The note by which a sweep finds the staged copy.
    note: Option<DraftVersion>,
    /// The act, if an endpoint may want its event.
    act: Option<Act>,
}

impl<'a> Moving<'a> {
    pub(super) fn new(
        cleaner: &'a Cleaner,
        store: &'a Store,
        object: ListedObject,
        class: &'a str,
        is_told: bool,
    ) -> Self {
        Self {
            cleaner,
            store,
            object,
            class,
            is_told,
            request: MarkerDigest::new(rand::random()),
            source_has_tags: false,
            note: None,
            act: None,
        }
    }

    pub(super) async fn run(mut self) -> MoveEnd {
        let (key, class) = (self.object.key.clone(), self.class);
        if self.object.size > self.cleaner.limits.max_copy_bytes && !self.can_be_staged() {
            let reason = "its name is too long, or the store does not honour the conditions of copies in parts";
            tracing::warn!(object.key = %key, storage_class = class, reason, "large object not moved");
            return MoveEnd::Left;
        }
        let Ok(ended) = timeout(self.cleaner.limits.timeout, self.transfer()).await else {
            tracing::error!(object.key = %key, storage_class = class, "moving an object timed out");
            return MoveEnd::Failed;
        };
        match ended {
            Ok(transferred) => {
                tracing::info!(object.key = %key, storage_class = class, bytes = transferred.main.size, "object moved");
                self.settle(&transferred).await;
                MoveEnd::Moved
            }
            Err(error) if is_of_another(&error) => {
                tracing::debug!(object.key = %key, storage_class = class, error = %error, "object not moved");
                self.forget().await;
                MoveEnd::Left
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(object.key = %key, storage_class = class, error, "moving an object failed");
                MoveEnd::Failed
            }
        }
    }

    /// Returns true if the object can be copied in parts: the store honours the conditions, and the key of the note has room.
    fn can_be_staged(&self) -> bool {
        let capabilities = self.store.profile.capabilities();
        let conditions = [Condition::PartSource, Condition::CompleteOver];
        conditions.into_iter().all(|condition| capabilities.honours(condition))
            && self.object.key.as_str().len() <= MAX_DESTINATION_KEY_BYTES
    }

    async fn transfer(&mut self) -> Result<Transferred, TransferError<Error>> {
        let capabilities = self.store.profile.capabilities();
        let options = StorageOptions {
            storage_class: Some(self.class.to_owned()),
            ..StorageOptions::NONE
        };
        let (mut transferring, effect) = Transferring::start(Transfer {
            kind: TransferKind::Update,
            request: self.request.clone(),
            key: None,
            if_match: Some(self.object.etag.clone()),
            existing: Existing::Keep,
            changes: Changes {
                options,
                ..Changes::default()
            },
            max_copy_bytes: self.cleaner.limits.max_copy_bytes,
            keeps_existing: capabilities.honours(Condition::CopyToAbsent),
            now: self.cleaner.clock.now(),
            proves_copies: capabilities.honours(Condition::CopyMd5),
        });
        let mut step = TransferStep::Perform(effect);
        loop {
            match step {
                TransferStep::Perform(effect) => step = transferring.on(self.perform(effect).await),
                TransferStep::Finish(ended) => return ended,
            }
        }
    }

    async fn perform(&mut self, effect: Effect) -> Answer<Error> {
        let (objects, main) = (self.store.objects(), &self.store.buckets.main);
        match effect {
            Effect::FindSource => Answer::Source(self.find_source().await),
            Effect::HeadSource => Answer::Head(found(objects.head(main.name(), &self.object.key).await)),
            Effect::HeadSettlement { batch } => {
                let draft = self.store.buckets.draft.name();
                Answer::Head(found(objects.head(draft, &settlement_key(batch)).await))
            }
            Effect::Copy {
                source_etag,
                main_etag,
                attributes,
            } => {
                if let Err(error) = self.begin().await {
                    return Answer::Copied(Err(error));
                }
                let copy = CopyInMain {
                    bucket: main,
                    source_key: &self.object.key,
                    source_etag: &source_etag,
                    key: &self.object.key,
                    if_destination: over(main_etag.as_ref()),
                    attributes: &attributes,
                    source_has_tags: self.source_has_tags,
                };
                Answer::Copied(objects.copy_in_main(&copy).await)
            }
            Effect::Stage {
                source_etag,
                size,
                attributes,
            } => {
                if let Err(error) = self.write_note().await {
                    return Answer::Staged(Err(error));
                }
                let copy = StageInMain {
                    bucket: main,
                    source_key: &self.object.key,
                    source_etag: &source_etag,
                    size,
                    key: &self.object.key,
                    attributes: &attributes,
                };
                Answer::Staged(objects.stage_in_main(&copy).await)
            }
            Effect::Complete { staged, main_etag } => {
                if let Err(error) = self.begin().await {
                    return Answer::Completed(Err(error));
                }
                let to = over(main_etag.as_ref());
                let completed = objects.complete_copy(main, &self.object.key, &staged, to).await;
                if completed.is_ok() {
                    self.delete_note().await;
                }
                Answer::Completed(completed.map(drop))
            }
            Effect::Unstage { staged } => {
                match objects.abort_copy(main, &self.object.key, &staged.upload_id).await {
                    Ok(()) => self.delete_note().await,
                    Err(error) => {
                        tracing::warn!(object.key = %self.object.key, error = %error, "staged copy left to the sweep");
                    }
                }
                Answer::Done
            }
            // An update never asks for these. The answer ends it.
            Effect::HeadDestination | Effect::ReleaseHold { .. } | Effect::DeleteSource { .. } => Answer::Done,
        }
    }

    /// Returns the object with its options, or `None` if its class is no longer that of the list: it has been moved since.
    async fn find_source(&mut self) -> Result<Option<Source>, Error> {
        let (objects, main) = (self.store.objects(), &self.store.buckets.main);
        let Some(described) = found(objects.describe(main, &self.object.key, None).await)? else {
            return Ok(None);
        };
        if let (Some(now), Some(listed)) = (&described.storage_class, &self.object.storage_class)
            && now != listed
        {
            return Ok(None);
        }
        let tags = if described.has_tags {
            found(objects.tags(main.name(), &self.object.key, None).await)?
        } else {
            Some(BTreeMap::new())
        };
        self.source_has_tags = tags.as_ref().is_some_and(|tags| !tags.is_empty());
        Ok(tags.map(|tags| Source {
            // An update leaves the marks of the confirm as they are.
            origin: None,
            options: options_of(&described, tags),
            info: described.info,
        }))
    }

    /// Stores the event of the move before the copy.
    async fn begin(&mut self) -> Result<(), Error> {
        if self.is_told && self.act.is_none() {
            let trace = TraceAt::in_main(&self.object.key, Trace::of_update(&self.request));
            self.act = Some(self.write_act(Fields::new(), vec![trace]).await?);
        }
        Ok(())
    }

    /// Stores the event again, with what the object is now, and without the trace: another update would remove it.
    async fn settle(&self, transferred: &Transferred) {
        if self.act.is_none() {
            return;
        }
        if let Err(error) = self.write_act(object_fields(&transferred.main), Vec::new()).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(object.key = %self.object.key, error, "event of an object not settled");
        }
    }

    async fn write_act(&self, fields: Fields, traces: Vec<TraceAt>) -> Result<Act, Error> {
        let ListedObject {
            key,
            etag,
            last_modified,
            ..
        } = &self.object;
        let modified = last_modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let act = NewAct {
            kind: EventKind::ObjectUpdated,
            bucket: self.store.buckets.main.name(),
            tenant: None,
            object_name: key.as_str(),
            act: &[key.as_str(), etag.as_str(), &modified.to_string(), self.class],
            fields,
            traces,
        };
        act.write(self.store, self.cleaner.clock.now()).await
    }

    /// Deletes the note of an event that did not happen.
    async fn forget(&mut self) {
        if let Some(act) = self.act.take() {
            self.delete(act.note()).await;
        }
    }

    /// Writes the note by which a sweep finds the staged copy after a crash.
    async fn write_note(&mut self) -> Result<(), Error> {
        let main = self.store.buckets.main.name();
        let note = StagingNote {
            ends_at: self.cleaner.clock.now() + self.cleaner.limits.timeout,
            bucket: (main != self.cleaner.store.buckets.main.name()).then(|| main.clone()),
            main_key: self.object.key.clone(),
        };
        let put = PutDraft {
            bucket: &self.store.buckets.draft,
            key: &note.key(rand::random()),
            bytes: &[],
            attributes: Attributes::NONE,
            if_absent: false,
        };
        let etag = self.store.objects().put_draft(&put).await?;
        let key = put.key.clone();
        self.note = Some(DraftVersion { key, etag });
        Ok(())
    }

    async fn delete_note(&mut self) {
        if let Some(note) = self.note.take() {
            self.delete(&note).await;
        }
    }

    async fn delete(&self, note: &DraftVersion) {
        let deleted = self.store.objects().delete_draft(&self.store.buckets.draft, note).await;
        if let Err(error) = deleted {
            tracing::debug!(object.key = %note.key, error = %error, "note left to the sweep");
        }
    }
}

fn over(main_etag: Option<&ETag>) -> IfDestination<'_> {
    main_etag.map_or(IfDestination::Absent, IfDestination::Matches)
}

/// Returns true if another call was faster, or holds the object.
fn is_of_another(error: &TransferError<Error>) -> bool {
    match error {
        TransferError::NotFound
        | TransferError::PinMismatch { .. }
        | TransferError::Changed
        | TransferError::Held
        | TransferError::AlreadyExists
        | TransferError::KeyReused
        | TransferError::ShorterRetention(_) => true,
        TransferError::Store(error) => error.kind == ErrorKind::Archived,
        TransferError::NotPermitted(_)
        | TransferError::Unresolved(_)
        | TransferError::CopyDiffers
        | TransferError::OutOfStep => false,
    }
}
