//! The driver of a confirm, which performs the effects of the protocol.

use std::collections::BTreeSet;

use draftstore_protocol::confirm::{Answer, BatchId, Confirm, Effect, Kept, Plan, Protocol, Step, Turn};
use draftstore_protocol::confirm::{ConfirmError, Unresolved, settlement_key};
use draftstore_protocol::kept::ReplacedId;
use draftstore_storage::{Attributes, Condition, CopyToMain, DraftVersion, ETag, Error as StorageError, IfDestination};
use draftstore_storage::{ErrorKind, ObjectKey, Operation, StageCopy, StagedCopy, StorageOptions, VersionId};
use tokio::time::timeout;

use super::locks::Locked;
use super::request::Checked;
use crate::Error;
use crate::draft::draft_ref::Keys;
use crate::draft::object::origin;
use crate::draft::options::name_option;
use crate::draft::{Drafts, found};

/// A running confirm, with its state between two calls to the store.
#[derive(Debug)]
pub(super) struct Running {
    keys: Keys,
    protocol: Protocol<StorageError>,
    step: Step<StorageError>,
    /// The note by which a sweep finds the staged copy.
    note: Option<DraftVersion>,
    /// The options of the last copy.
    options: StorageOptions,
    /// The copy of the object that the last copy was to replace.
    replaced: Option<ReplacedId>,
}

impl Running {
    /// Runs until the protocol pauses or ends.
    pub(super) async fn run(&mut self, drafts: &Drafts) {
        while let Step::Perform(effect) = &self.step {
            let effect = effect.clone();
            let answer = self.perform(drafts, effect).await;
            self.step = self.protocol.on(answer);
            if let Step::Finish(Err(ConfirmError::Unresolved(Unresolved::Swapped))) = self.step {
                self.report_swap(drafts);
            }
        }
    }

    /// Enters the next phase of an atomic batch, and runs until the protocol pauses again or ends.
    pub(super) async fn turn(&mut self, drafts: &Drafts, turn: Turn) {
        self.protocol.turn(turn, &mut self.step);
        self.run(drafts).await;
    }

    /// Returns `true` if the confirm ended with an error.
    pub(super) fn has_failed(&self) -> bool {
        self.step.has_failed()
    }

    /// Returns the result of a confirm that has ended, after its event, and lets the draft that it left be deleted.
    pub(super) async fn end(self, drafts: &Drafts) -> Result<Kept, Error> {
        let mut kept = self
            .step
            .end()
            .map_err(|error| name_option(error.into(), &self.options))?;
        if let Some(copy) = self.replaced.filter(|_| !kept.replayed) {
            kept.replaced = Some(VersionId::new(copy.to_string()));
        }
        drafts.shared.watched.confirmed(&self.keys.draft);
        drafts.publish_confirmed(&self.keys, &kept).await?;
        if let Some(etag) = kept.leftover.clone()
            && drafts.forget_deletes(&self.keys, &etag).await
        {
            let key = self.keys.draft;
            drafts.remove_confirmed(DraftVersion { key, etag }).await;
        }
        Ok(kept)
    }

    async fn perform(&mut self, drafts: &Drafts, effect: Effect) -> Answer<StorageError> {
        let store = &drafts.shared.store;
        let (draft, main) = (&store.buckets.draft, &store.buckets.main);
        let removes = effect.removes().cloned();
        match effect {
            Effect::HeadDraft => Answer::Head(drafts.head_draft(&self.keys.draft).await),
            Effect::Verdict { draft } => Answer::Verdict(drafts.verdict(&self.keys.draft, &draft).await),
            Effect::HeadMain => Answer::Head(found(store.objects().head(main.name(), &self.keys.main).await)),
            Effect::HeadSettlement { batch } => {
                Answer::Head(found(store.objects().head(draft.name(), &settlement_key(batch)).await))
            }
            Effect::Copy {
                draft_etag,
                main_etag,
                attributes,
            } => {
                if let Err(error) = self.keep_replaced(drafts, removes.as_ref()).await {
                    return Answer::Copied(Err(error));
                }
                self.options.clone_from(&attributes.options);
                let copy = CopyToMain {
                    draft_bucket: draft,
                    draft_key: &self.keys.draft,
                    draft_etag: &draft_etag,
                    main_bucket: main,
                    main_key: &self.keys.main,
                    if_destination: if_destination(main_etag.as_ref()),
                    attributes: &attributes,
                };
                Answer::Copied(store.objects().copy_to_main(&copy).await)
            }
            Effect::Stage {
                draft_etag,
                size,
                attributes,
            } => {
                self.options.clone_from(&attributes.options);
                Answer::Staged(self.stage(drafts, &draft_etag, size, &attributes).await)
            }
            Effect::Complete { staged, main_etag } => {
                if let Err(error) = self.keep_replaced(drafts, removes.as_ref()).await {
                    return Answer::Copied(Err(error));
                }
                let if_destination = if_destination(main_etag.as_ref());
                let complete = store
                    .objects()
                    .complete_copy(main, &self.keys.main, &staged, if_destination);
                let completed = complete.await;
                if completed.is_ok() {
                    drafts.delete_note(self.note.take()).await;
                }
                Answer::Copied(completed)
            }
            Effect::Unstage { staged } => {
                self.unstage(drafts, &staged).await;
                Answer::Done
            }
            Effect::DeleteDraft { draft_etag } => {
                if drafts.forget_deletes(&self.keys, &draft_etag).await {
                    let key = self.keys.draft.clone();
                    let version = DraftVersion { key, etag: draft_etag };
                    drafts.shared.delete_draft(&version).await;
                }
                Answer::Done
            }
            Effect::UndoCopy { batch, .. } if !drafts.can_undo(batch) => Answer::TooLate,
            Effect::UndoCopy { main_etag, .. } => {
                let undone = store.objects().undo_copy(main, &self.keys.main, &main_etag).await;
                if let Err(error) = &undone {
                    tracing::error!(object.key = %self.keys.main, error = %error, "rolling back a copy failed");
                }
                Answer::Undone(undone)
            }
            Effect::UndoSwap { main_etag, until } => {
                self.report_swap(drafts);
                if !drafts.can_undo_until(until) {
                    return Answer::TooLate;
                }
                let undone = store.objects().undo_copy(main, &self.keys.main, &main_etag).await;
                if let Err(error) = &undone {
                    tracing::error!(object.key = %self.keys.main, error = %error, "undoing a swapped copy failed");
                }
                Answer::Undone(undone)
            }
        }
    }

    /// Keeps a copy of the object that the next call replaces, if there is one.
    async fn keep_replaced(&mut self, drafts: &Drafts, removes: Option<&ETag>) -> Result<(), StorageError> {
        self.replaced = match removes {
            Some(etag) => drafts.keep_replaced(&self.keys.main, etag).await?,
            None => None,
        };
        Ok(())
    }

    /// Logs that the store copied another version than the requested one, and no longer relies on its condition.
    fn report_swap(&self, drafts: &Drafts) {
        tracing::error!(object.key = %self.keys.main, "store copied another version");
        drafts.shared.store.profile.distrust(Condition::CopySource);
    }

    /// Stages a copy in main. Writes a note first, so that the sweep finds the upload if the confirm crashes.
    async fn stage(
        &mut self,
        drafts: &Drafts,
        draft_etag: &ETag,
        size: u64,
        attributes: &Attributes,
    ) -> Result<StagedCopy, StorageError> {
        let store = &drafts.shared.store;
        self.note = Some(drafts.write_note(&self.keys.main).await?);
        let copy = StageCopy {
            draft_bucket: &store.buckets.draft,
            draft_key: &self.keys.draft,
            draft_etag,
            size,
            main_bucket: &store.buckets.main,
            main_key: &self.keys.main,
            attributes,
        };
        let staged = timeout(drafts.shared.confirm_limits.timeout, store.objects().stage_copy(&copy)).await;
        staged.unwrap_or_else(|elapsed| {
            Err(StorageError {
                kind: ErrorKind::Unavailable,
                operation: Operation::UploadPartCopy,
                bucket: store.buckets.main.name().clone(),
                key: Some(self.keys.main.clone()),
                source: Box::new(elapsed),
            })
        })
    }

    async fn unstage(&mut self, drafts: &Drafts, staged: &StagedCopy) {
        let store = &drafts.shared.store;
        let abort = store
            .objects()
            .abort_copy(&store.buckets.main, &self.keys.main, &staged.upload_id);
        match abort.await {
            Ok(()) => drafts.delete_note(self.note.take()).await,
            Err(error) => {
                tracing::warn!(object.key = %self.keys.main, error = %error, "staged copy left to the sweep");
            }
        }
    }
}

impl Drafts {
    /// Creates a confirm that is ready to run.
    pub(super) fn running(&self, checked: Checked, batch: Option<BatchId>) -> Running {
        let secrets = self.shared.secrets.current();
        let now = self.shared.clock.now();
        let mut digests = checked.digests(&secrets);
        let confirm = Confirm {
            origin: origin::seal(&secrets, &checked.keys, now),
            digests: digests.remove(0),
            former_digests: digests,
            pins: checked.pins,
            existing: checked.existing,
            headers: self.caller.profile.headers.clone(),
            tags: self.caller.profile.fixed_options.tags().clone(),
            options: checked.options,
            max_copy_bytes: self.shared.confirm_limits.max_copy_bytes,
            plan: self.plan(checked.is_unique),
            is_checked: self.caller.profile.checks.is_some(),
            batch,
            now,
        };
        let (protocol, effect) = Protocol::start(confirm);
        Running {
            keys: checked.keys,
            protocol,
            step: Step::Perform(effect),
            note: None,
            options: StorageOptions::NONE,
            replaced: None,
        }
    }

    /// Acquires the locks that replace the conditions that the store does not honour. `None` if it honours all.
    pub(in crate::draft) async fn lock(&self, keys: impl IntoIterator<Item = &Keys>) -> Option<Locked> {
        let names = |keys: &Keys| [format!("draft/{}", keys.draft), main_lock(&keys.main)];
        self.lock_names(keys.into_iter().flat_map(names).collect()).await
    }

    /// Acquires the locks of these names, if the store does not honour every condition.
    async fn lock_names(&self, names: BTreeSet<String>) -> Option<Locked> {
        if !self.plan(false).needs_locks() {
            return None;
        }
        Some(self.shared.locks.lock(names).await)
    }

    fn plan(&self, is_unique: bool) -> Plan {
        Plan::new(self.shared.store.profile.capabilities(), is_unique)
    }
}

/// Returns the name of the lock of an object in main.
pub(in crate::draft) fn main_lock(key: &ObjectKey) -> String {
    format!("main/{key}")
}

fn if_destination(main_etag: Option<&ETag>) -> IfDestination<'_> {
    main_etag.map_or(IfDestination::Absent, IfDestination::Matches)
}
