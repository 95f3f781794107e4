//! Copies, moves and updates of confirmed objects, which run [`draftstore_protocol::kept`] against the store.

mod request;

use std::collections::BTreeMap;
use std::time::Duration;

use draftstore_protocol::confirm::{Existing, MarkerDigest, settlement_key};
use draftstore_protocol::events::{ActEnd, Trace};
use draftstore_protocol::kept::{
    ReplacedId, Source, Transfer, TransferAnswer as Answer, TransferEffect as Effect, TransferKind, TransferStep,
    Transferred, Transferring,
};
use draftstore_storage as storage;
use draftstore_storage::{
    Condition, CopyInMain, DraftVersion, ETag, Encryption, ErrorKind, IfDestination, KeptVersion, ObjectDescription,
    ObjectKey, Operation, StageInMain, StagedCopy, StorageOptions, VersionId,
};
use serde_json::json;
use tokio::time::timeout;
use tracing::Instrument as _;

pub use self::request::{CopyObject, UpdateObject};

use self::request::{Checked, VersionHold};
use super::origin;
use crate::draft::acts::ActInMain;
use crate::draft::options::name_option;
use crate::draft::{Drafts, found};
use crate::events::{Act, EventKind, Fields, TraceAt, object_fields};
use crate::{Error, Scope};

/// The object that a copy, a move or an update has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectTransferred {
    /// The name of the object.
    pub object_name: String,
    /// The version of the bytes.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The ID of the version, if main has versions.
    pub version_id: Option<VersionId>,
    /// The ID of the version that the object replaced.
    pub replaced_version_id: Option<VersionId>,
    /// `true` if an earlier call had made the object.
    pub replayed: bool,
}

/// A transfer in progress.
#[derive(Debug)]
struct Running {
    source: ObjectKey,
    destination: ObjectKey,
    /// The note by which a sweep finds the staged copy.
    note: Option<DraftVersion>,
    /// Set if the source has tags.
    source_has_tags: bool,
    kind: TransferKind,
    request: MarkerDigest,
    /// The act, if an endpoint wants its event.
    act: Option<Act>,
    /// Set if the transfer has deleted its source, or tried to.
    deletes_source: bool,
    /// The copy of the object that the last copy was to replace.
    replaced: Option<ReplacedId>,
}

impl Drafts {
    /// Copies a confirmed object to another name. Idempotent: a repeat is answered by the copy.
    ///
    /// # Errors
    /// Returns
    /// - [`Error::Invalid`], which names every field that breaks a rule.
    /// - [`Error::NotFound`] if the object does not exist.
    /// - [`Error::PinMismatch`] if an object has another version than the given one.
    /// - [`Error::AlreadyExists`] if there is another object of the destination's name.
    /// - [`Error::Changed`] if another call changed one of the objects meanwhile.
    /// - [`Error::OptionUnsupported`] if the store lacks an option.
    /// - [`Error::KeyReused`] if the idempotency key was used for another request.
    /// - [`Error::Busy`] if an atomic batch may still undo an object, or another move delete it.
    /// - [`Error::StoreUnavailable`] if the store failed.
    pub async fn copy_object(&self, request: &CopyObject) -> Result<ObjectTransferred, Error> {
        self.caller.require(Scope::Manage)?;
        self.transfer(self.check_copy(request, TransferKind::Copy)?).await
    }

    /// Moves a confirmed object to another name: copies it, and deletes it when the copy is there. A move that was
    /// interrupted is completed by a repeat.
    ///
    /// # Errors
    /// Returns the errors of [`Drafts::copy_object`], and [`Error::DeletesNotPermitted`] if the store does not let the server
    /// delete in main. The copy is then there.
    pub async fn move_object(&self, request: &CopyObject) -> Result<ObjectTransferred, Error> {
        self.caller.require(Scope::Manage)?;
        self.transfer(self.check_copy(request, TransferKind::Move)?).await
    }

    /// Changes the attributes of a confirmed object, by a copy onto itself. A legal hold is released in place, and so is that of
    /// an older version. Idempotent.
    ///
    /// # Errors
    /// Returns the errors of [`Drafts::copy_object`], but no [`Error::AlreadyExists`], and [`Error::ShorterRetention`] if a
    /// retention in force would be shortened.
    pub async fn update_object(&self, request: &UpdateObject) -> Result<ObjectTransferred, Error> {
        self.caller.require(Scope::Manage)?;
        match &request.version_id {
            Some(version) => self.hold_version(request, version).await,
            None => self.transfer(self.check_update(request)?).await,
        }
    }

    /// Sets or releases the legal hold of a version.
    async fn hold_version(&self, request: &UpdateObject, version: &str) -> Result<ObjectTransferred, Error> {
        let VersionHold {
            name,
            version,
            if_match,
            options,
            is_held,
        } = self.check_hold(request, version)?;
        self.require_options(&options).await?;
        let (store, key) = (&self.shared.store, self.main_key(&name));
        let (main, objects) = (&store.buckets.main, store.objects());
        let described = match objects.describe(main, &key, Some(&version)).await {
            Ok(described) => described,
            Err(error) => return Err(self.version_error(error).await),
        };
        if if_match.is_some_and(|etag| etag != described.info.etag) {
            return Err(Error::PinMismatch { pin: "if_match" });
        }
        let replayed = described.legal_hold == is_held;
        if !replayed && let Err(error) = objects.put_legal_hold(main, &key, &version, is_held).await {
            return Err(self.version_error(error).await);
        }
        Ok(ObjectTransferred {
            object_name: name.to_string(),
            etag: described.info.etag,
            size: described.info.size,
            version_id: Some(version),
            replaced_version_id: None,
            replayed,
        })
    }

    /// Runs a transfer to completion, even if the caller disconnects, but not longer than a confirm.
    async fn transfer(&self, checked: Checked) -> Result<ObjectTransferred, Error> {
        self.require_options(&checked.changes.options).await?;
        let drafts = self.clone();
        let running = async move {
            let limit = drafts.shared.confirm_limits.timeout;
            let ended = timeout(limit, drafts.run_transfer(checked)).await;
            ended.unwrap_or_else(|elapsed| Err(Error::StoreUnavailable(Box::new(elapsed))))
        };
        self.shared.tasks.spawn(running.in_current_span()).await?
    }

    async fn run_transfer(&self, checked: Checked) -> Result<ObjectTransferred, Error> {
        self.shared.store.probe_if_unknown().await;
        let _locked = self.lock_main([&checked.source, &checked.destination]).await;
        let options = checked.changes.options.clone();
        let transfer = self.new_transfer(&checked);
        let mut running = Running {
            replaced: None,
            source: checked.source,
            destination: checked.destination,
            note: None,
            source_has_tags: false,
            kind: transfer.kind,
            request: transfer.request.clone(),
            act: None,
            deletes_source: false,
        };
        let (mut transferring, effect) = Transferring::start(transfer);
        let mut step = TransferStep::Perform(effect);
        let transferred: Result<Transferred, Error> = loop {
            match step {
                TransferStep::Perform(effect) => step = transferring.on(running.perform(self, effect).await),
                TransferStep::Finish(ended) => break ended.map_err(|error| name_option(error.into(), &options)),
            }
        };
        let (end, fields) = match &transferred {
            // An earlier call has made the copy, and sent its event.
            Ok(transferred) if transferred.replayed && !running.deletes_source => (ActEnd::Refused, Fields::new()),
            Ok(transferred) => (ActEnd::Happened, object_fields(&transferred.main)),
            // The copy is there. If the source is gone, a repeat succeeds, and its event is this one.
            Err(Error::Changed) if running.deletes_source => (ActEnd::Unclear, Fields::new()),
            Err(error) => (ActEnd::from(error), Fields::new()),
        };
        if let (Ok(transferred), None, false) = (&transferred, &running.act, running.deletes_source) {
            let act = ActInMain {
                kind: running.event_kind(),
                key: &running.destination,
                done_to: running.request.as_str(),
                fields: object_fields(&transferred.main),
                traces: Vec::new(),
            };
            self.publish_left_in_main(act).await?;
        }
        self.courier().end(running.act, end, fields).await;
        let transferred = transferred?;
        Ok(ObjectTransferred {
            object_name: checked.name,
            etag: transferred.main.etag,
            size: transferred.main.size,
            version_id: transferred.main.version_id,
            replaced_version_id: match running.replaced.filter(|_| !transferred.replayed) {
                Some(copy) => Some(VersionId::new(copy.to_string())),
                None => transferred.replaced,
            },
            replayed: transferred.replayed,
        })
    }

    fn new_transfer(&self, checked: &Checked) -> Transfer {
        let kind = match checked.kind {
            TransferKind::Copy => "copy",
            TransferKind::Move => "move",
            TransferKind::Update => "update",
        };
        let pinned = checked.if_match.as_ref().map_or("", ETag::as_str);
        let secrets = self.shared.secrets.current();
        // The digest of a key is that of a confirm, so that neither accepts a key of the other.
        let key_digest = |key: &str| {
            secrets
                .digests(&["key", checked.destination.as_str(), key])
                .swap_remove(0)
        };
        let key = checked.idempotency_key.as_deref().unwrap_or_default();
        let changes = checked.described();
        let (source, destination) = (checked.source.as_str(), checked.destination.as_str());
        let [existing, replaced] = match (&checked.existing, &checked.idempotency_key) {
            (Existing::Replace(Some(etag)), Some(_)) => ["replace", etag.as_str()],
            (Existing::Replace(None), Some(_)) => ["replace", ""],
            (Existing::Keep, _) | (_, None) => ["", ""],
        };
        let parts = [kind, source, destination, pinned, key, &changes, existing, replaced];
        Transfer {
            kind: checked.kind,
            request: secrets.digests(&parts).swap_remove(0),
            key: checked.idempotency_key.as_deref().map(key_digest),
            if_match: checked.if_match.clone(),
            existing: checked.existing.clone(),
            changes: checked.changes.clone(),
            max_copy_bytes: self.shared.confirm_limits.max_copy_bytes,
            keeps_existing: self
                .shared
                .store
                .profile
                .capabilities()
                .honours(Condition::CopyToAbsent),
            now: self.shared.clock.now(),
            proves_copies: self.shared.store.profile.capabilities().honours(Condition::CopyMd5),
        }
    }

    /// Returns the source with its options, and its origin for the destination.
    pub(super) async fn find_source(
        &self,
        key: &ObjectKey,
        destination: &ObjectKey,
    ) -> Result<Option<Source>, storage::Error> {
        let store = &self.shared.store;
        let main = &store.buckets.main;
        let described = match store.objects().describe(main, key, None).await {
            Ok(described) => described,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let tags = if described.has_tags {
            match store.objects().tags(main.name(), key, None).await {
                Ok(tags) => tags,
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        } else {
            BTreeMap::new()
        };
        let secrets = self.shared.secrets.current();
        Ok(Some(Source {
            origin: origin::reseal(&secrets, key, destination, &described.info),
            options: options_of(&described, tags),
            info: described.info,
        }))
    }
}

impl Running {
    /// Keeps a copy of the object that the next call replaces, if there is one.
    async fn keep_replaced(&mut self, drafts: &Drafts, removes: Option<&ETag>) -> Result<(), storage::Error> {
        self.replaced = match removes {
            Some(etag) => drafts.keep_replaced(&self.destination, etag).await?,
            None => None,
        };
        Ok(())
    }

    async fn perform(&mut self, drafts: &Drafts, effect: Effect) -> Answer<storage::Error> {
        let store = &drafts.shared.store;
        let (draft, main) = (&store.buckets.draft, &store.buckets.main);
        let head = async |key| Answer::Head(found(store.objects().head(main.name(), key).await));
        let removes = effect.removes(self.kind).cloned();
        match effect {
            Effect::FindSource => {
                let found = drafts.find_source(&self.source, &self.destination).await;
                let tags = found
                    .as_ref()
                    .ok()
                    .and_then(Option::as_ref)
                    .map(|source| &source.options.tags);
                self.source_has_tags = tags.is_some_and(|tags| !tags.is_empty());
                Answer::Source(found)
            }
            Effect::HeadSource => head(&self.source).await,
            Effect::HeadDestination => head(&self.destination).await,
            Effect::HeadSettlement { batch } => {
                Answer::Head(found(store.objects().head(draft.name(), &settlement_key(batch)).await))
            }
            Effect::ReleaseHold { version_id } => {
                let objects = store.objects();
                Answer::Released(objects.put_legal_hold(main, &self.source, &version_id, false).await)
            }
            Effect::Copy {
                source_etag,
                main_etag,
                attributes,
            } => {
                if let Err(error) = self.begin_copy(drafts, removes.as_ref()).await {
                    return Answer::Copied(Err(error));
                }
                let copy = CopyInMain {
                    bucket: main,
                    source_key: &self.source,
                    source_etag: &source_etag,
                    key: &self.destination,
                    if_destination: main_etag.as_ref().map_or(IfDestination::Absent, IfDestination::Matches),
                    attributes: &attributes,
                    source_has_tags: self.source_has_tags,
                };
                Answer::Copied(store.objects().copy_in_main(&copy).await)
            }
            Effect::Stage {
                source_etag,
                size,
                attributes,
            } => {
                let copy = StageInMain {
                    bucket: main,
                    source_key: &self.source,
                    source_etag: &source_etag,
                    size,
                    key: &self.destination,
                    attributes: &attributes,
                };
                let (staged, note) = drafts.stage_transfer(&copy).await;
                self.note = note;
                Answer::Staged(staged)
            }
            Effect::Complete { staged, main_etag } => {
                if let Err(error) = self.begin_copy(drafts, removes.as_ref()).await {
                    return Answer::Completed(Err(error));
                }
                let to = main_etag.as_ref().map_or(IfDestination::Absent, IfDestination::Matches);
                let completed = store
                    .objects()
                    .complete_copy(main, &self.destination, &staged, to)
                    .await;
                if completed.is_ok() {
                    drafts.delete_note(self.note.take()).await;
                }
                Answer::Completed(completed.map(drop))
            }
            Effect::Unstage { staged } => {
                let abort = store.objects().abort_copy(main, &self.destination, &staged.upload_id);
                match abort.await {
                    Ok(()) => drafts.delete_note(self.note.take()).await,
                    Err(error) => {
                        tracing::warn!(object.key = %self.destination, error = %error, "staged copy left to the sweep");
                    }
                }
                Answer::Done
            }
            Effect::DeleteSource { source_etag } => {
                self.deletes_source = true;
                if let Err(error) = self.begin(drafts).await {
                    return Answer::Deleted(Err(error));
                }
                let object = KeptVersion {
                    key: self.source.clone(),
                    etag: source_etag,
                };
                Answer::Deleted(store.objects().delete_object(main, &object).await.map(drop))
            }
        }
    }

    /// Stores the event of the transfer before its copy, unless an earlier call has made the copy. The destination is
    /// looked up here, because on some stores the transfer itself looks it up only after the copy.
    async fn begin_copy(&mut self, drafts: &Drafts, removes: Option<&ETag>) -> Result<(), storage::Error> {
        self.keep_replaced(drafts, removes).await?;
        let is_told = drafts.is_told(self.event_kind());
        if self.act.is_none() && is_told && self.kind != TransferKind::Update {
            let main = drafts.shared.store.buckets.main.name();
            let there = found(drafts.shared.store.objects().head(main, &self.destination).await)?;
            if Trace::of_transfer(&self.request).is_shown_by(there.as_ref()) {
                return Ok(());
            }
        }
        self.begin(drafts).await
    }

    fn event_kind(&self) -> EventKind {
        match self.kind {
            TransferKind::Update => EventKind::ObjectUpdated,
            TransferKind::Copy => EventKind::ObjectCopied,
            TransferKind::Move => EventKind::ObjectMoved,
        }
    }

    /// Stores the event of the transfer, before the first call that changes main.
    async fn begin(&mut self, drafts: &Drafts) -> Result<(), storage::Error> {
        if self.act.is_some() {
            return Ok(());
        }
        let (source, destination) = (&self.source, &self.destination);
        let trace = match self.kind {
            TransferKind::Update => Trace::of_update(&self.request),
            TransferKind::Copy | TransferKind::Move => Trace::of_transfer(&self.request),
        };
        let mut traces = vec![TraceAt::in_main(destination, trace)];
        if self.kind == TransferKind::Move {
            traces.push(TraceAt::in_main(source, Trace::Absent));
        }
        let source_name = Some(json!(drafts.relative(source)));
        let fields = match self.kind {
            TransferKind::Update => Fields::new(),
            TransferKind::Copy | TransferKind::Move => vec![("source_name", source_name)],
        };
        let act = ActInMain {
            kind: self.event_kind(),
            key: destination,
            done_to: self.request.as_str(),
            fields,
            traces,
        };
        self.act = drafts.begin_in_main(act).await?;
        Ok(())
    }
}

impl Drafts {
    /// Stages a copy, with a note by which the sweep finds it if the server crashes.
    pub(super) async fn stage_transfer(
        &self,
        copy: &StageInMain<'_>,
    ) -> (Result<StagedCopy, storage::Error>, Option<DraftVersion>) {
        let note = match self.write_note(copy.key).await {
            Ok(note) => note,
            Err(error) => return (Err(error), None),
        };
        // Ends before the transfer does, so that the note is not forgotten.
        let limit = self
            .shared
            .confirm_limits
            .timeout
            .saturating_sub(Duration::from_secs(1));
        let staged = timeout(limit, self.shared.store.objects().stage_in_main(copy)).await;
        let staged = staged.unwrap_or_else(|elapsed| {
            Err(storage::Error {
                kind: ErrorKind::Unavailable,
                operation: Operation::UploadPartCopy,
                bucket: copy.bucket.name().clone(),
                key: Some(copy.key.clone()),
                source: Box::new(elapsed),
            })
        });
        (staged, Some(note))
    }
}

/// Returns the options with which the store keeps an object.
pub(crate) fn options_of(described: &ObjectDescription, tags: BTreeMap<String, String>) -> StorageOptions {
    StorageOptions {
        tags,
        storage_class: described.storage_class.clone(),
        retention: described.retention.clone(),
        legal_hold: described.legal_hold.then_some(true),
        encryption: match described.encryption.as_deref() {
            Some("AES256") => Some(Encryption::Store),
            Some("aws:kms") => Some(Encryption::Kms(described.kms_key_id.clone())),
            // Another one is the bucket's default, or of a key that the caller has.
            Some(_) | None => None,
        },
    }
}
