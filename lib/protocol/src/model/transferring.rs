//! The effects of copies, moves and updates on the model's store, one act at a time, with faults.

use draftstore_storage::{
    Attributes, Condition, DraftVersion, ETag, ErrorKind, ObjectInfo, ObjectKey, StorageOptions, VersionCopied,
};

use super::audit::{Broken, Placed, broken};
use super::deleting::OwnDelete;
use super::keeping::{KeepState, KeepTurn};
use super::spec::{Fault, MAX_COPY_BYTES, TIMEOUT, digest};
use super::store::{Object, staged as staged_copy, upload_id};
use super::task::Task;
use super::world::{Late, World};
use crate::confirm::{Existing, settlement_key};
use crate::kept::{
    Changes, Removed, Source, Transfer, TransferAnswer as Answer, TransferEffect as Effect, TransferError,
    TransferKind, TransferStep as Step, Transferring,
};

/// The request of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TransferSpec {
    pub(super) kind: TransferKind,
    pub(super) source: ObjectKey,
    pub(super) destination: ObjectKey,
    pub(super) existing: Existing,
    /// The idempotency key, if it has one. Requests that are equal are one request.
    pub(super) key: Option<u8>,
}

/// A transfer in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TransferTask {
    pub(super) spec: TransferSpec,
    transferring: Transferring<ErrorKind>,
    step: Step<ErrorKind>,
    keeping: KeepState,
    note: Option<DraftVersion>,
    own_delete: OwnDelete,
    /// The time at which it began, in seconds.
    begun: u64,
}

/// A copy inside main, as the store gets it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CopyInside {
    spec: TransferSpec,
    source_etag: ETag,
    main_etag: Option<ETag>,
    attributes: Attributes,
}

impl World {
    pub(super) fn begin_transfer(&mut self, server: usize, spec: TransferSpec) {
        let believed = self.profile.believed();
        let (transferring, effect) = Transferring::start(Transfer {
            kind: spec.kind,
            request: digest(("transfer", &spec.source, &spec.destination, &spec)),
            key: spec.key.map(|key| digest((&spec.destination, key))),
            if_match: None,
            existing: spec.existing.clone(),
            changes: Changes {
                removed: [Removed::Tags].into(),
                ..Changes::default()
            },
            max_copy_bytes: MAX_COPY_BYTES,
            keeps_existing: believed.honours(Condition::CopyToAbsent),
            now: self.now(),
            proves_copies: believed.honours(Condition::CopyMd5),
        });
        let task = self.tasks.len();
        self.record(|| format!("{task} on {server}: {spec:?}"));
        let task = TransferTask {
            spec,
            transferring,
            step: Step::Perform(effect),
            keeping: KeepState::NotBegun,
            note: None,
            own_delete: OwnDelete::default(),
            begun: self.store.now,
        };
        self.begin(server, Task::Transfer(Box::new(task)));
    }

    /// Performs the next act of a transfer. Returns false if it has ended, or has taken too long.
    pub(super) fn step_transfer(&mut self, task: usize, it: &mut TransferTask, fault: Fault) -> Result<bool, Broken> {
        if self.store.now > it.begun + TIMEOUT {
            return Ok(false);
        }
        if let Step::Perform(effect) = it.step.clone() {
            self.record(|| format!("{task}: {:?} {}: {effect:?} {fault:?}", it.spec.kind, it.spec.source));
            let destination = it.spec.destination.clone();
            let removes = effect.removes(it.spec.kind);
            let answer = match self.keep(&mut it.keeping, &destination, removes, fault)? {
                KeepTurn::Continues => return Ok(true),
                KeepTurn::Failed(kind) if matches!(effect, Effect::Complete { .. }) => Answer::Completed(Err(kind)),
                KeepTurn::Failed(kind) => Answer::Copied(Err(kind)),
                KeepTurn::Ready => self.perform_transfer(it, effect, fault)?,
            };
            it.step = it.transferring.on(answer);
        }
        let Step::Finish(answer) = &it.step else {
            return Ok(true);
        };
        self.record(|| format!("answer to the {:?} of {}: {answer:?}", it.spec.kind, it.spec.source));
        match answer {
            Ok(transferred) => {
                if !transferred.replayed {
                    it.own_delete.check(&it.spec.source)?;
                }
                self.audit.told_transferred(&it.spec.destination, &transferred.main)?;
            }
            Err(TransferError::CopyDiffers) if self.profile.misjudged.is_some() => {}
            Err(error @ (TransferError::OutOfStep | TransferError::CopyDiffers)) => {
                return broken(format!("{:?} ended in {error:?}", it.spec));
            }
            Err(_) => {}
        }
        Ok(false)
    }

    fn perform_transfer(
        &mut self,
        it: &mut TransferTask,
        effect: Effect,
        fault: Fault,
    ) -> Result<Answer<ErrorKind>, Broken> {
        let failed = match fault {
            Fault::Before(kind) => Some(kind),
            Fault::Lost | Fault::Late => Some(ErrorKind::Unavailable),
            Fault::No | Fault::Stale => None,
        };
        let info = |object: Option<&Object>| object.map(|object| object.info.clone());
        let head = |object: Option<ObjectInfo>| Answer::Head(failed.map_or(Ok(object), Err));
        let acts = !matches!(fault, Fault::Before(_) | Fault::Late);
        Ok(match effect {
            Effect::FindSource => {
                let source = info(self.store.main.get(&it.spec.source)).map(|info| Source {
                    info,
                    options: StorageOptions::NONE,
                    origin: None,
                });
                Answer::Source(failed.map_or(Ok(source), Err))
            }
            Effect::HeadSource => head(info(self.store.main.get(&it.spec.source))),
            Effect::HeadDestination => head(info(self.store.main.get(&it.spec.destination))),
            Effect::HeadSettlement { batch } => head(info(self.store.draft.get(&settlement_key(batch)))),
            Effect::ReleaseHold { .. } => return broken(format!("{:?} releases a hold", it.spec)),
            Effect::Copy {
                source_etag,
                main_etag,
                attributes,
            } => {
                let copy = CopyInside {
                    spec: it.spec.clone(),
                    source_etag,
                    main_etag,
                    attributes,
                };
                let copied = if acts {
                    self.copy_inside(&copy)?
                } else {
                    Err(ErrorKind::Unavailable)
                };
                if fault == Fault::Late {
                    self.limbo.push(Late::Transfer(copy));
                }
                Answer::Copied(failed.map_or(copied, Err))
            }
            Effect::Stage {
                source_etag,
                size,
                attributes,
            } => {
                let staged = if acts {
                    self.stage_inside(it, &source_etag, size, &attributes)
                } else {
                    Err(ErrorKind::Unavailable)
                };
                Answer::Staged(failed.map_or_else(|| staged.map(|id| staged_copy(id, size)), Err))
            }
            Effect::Complete { staged, main_etag } => {
                let (key, over) = (&it.spec.destination, main_etag.as_ref());
                let completed = if acts {
                    let before = self.store.main.get(key).cloned();
                    let completed = self.store.complete_staged(&staged, key, over).map(drop);
                    self.placed(&it.spec, over, before.as_ref(), completed)?
                } else {
                    Ok(())
                };
                if failed.is_none() && completed.is_ok() {
                    self.remove_note(&mut it.note);
                }
                Answer::Completed(failed.map_or(completed, Err))
            }
            Effect::Unstage { staged } => {
                if acts {
                    self.store.abort_staged(&staged.upload_id);
                    self.remove_note(&mut it.note);
                }
                Answer::Done
            }
            // A delete that is made late could remove what has come to its place since.
            Effect::DeleteSource { source_etag } => {
                let deleted = if acts {
                    let deleted = self.delete_moved(&it.spec, &source_etag)?;
                    it.own_delete.has_removed |= deleted.is_ok();
                    deleted
                } else {
                    Ok(())
                };
                it.own_delete.is_in_doubt |= failed == Some(ErrorKind::Unavailable);
                it.own_delete.is_tried = true;
                Answer::Deleted(failed.map_or(deleted, Err))
            }
        })
    }

    /// Copies an object inside main in one act. Checks I14.
    pub(super) fn copy_inside(&mut self, copy: &CopyInside) -> Result<Result<VersionCopied, ErrorKind>, Broken> {
        let (from, to, over) = (&copy.spec.source, &copy.spec.destination, copy.main_etag.as_ref());
        let before = self.store.main.get(to).cloned();
        let copied = self
            .store
            .copy_in_main(from, &copy.source_etag, to, over, &copy.attributes);
        let made = self.placed(&copy.spec, over, before.as_ref(), copied)?;
        let version_id = self
            .store
            .main
            .get(to)
            .and_then(|object| object.info.version_id.clone());
        Ok(made.map(|etag| VersionCopied { etag, version_id }))
    }

    fn placed<T>(
        &mut self,
        spec: &TransferSpec,
        over: Option<&ETag>,
        before: Option<&Object>,
        made: Result<T, ErrorKind>,
    ) -> Result<Result<T, ErrorKind>, Broken> {
        if made.is_ok() {
            let after = self.store.main.get(&spec.destination);
            let after = after.expect("it was just copied there");
            let in_place = spec.kind == TransferKind::Update;
            self.audit.placed(&Placed {
                source: &spec.source,
                destination: &spec.destination,
                may_replace: in_place || spec.existing != Existing::Keep,
                over,
                before,
                after,
            })?;
            self.store.check_kept(&spec.destination, before)?;
        }
        Ok(made)
    }

    /// Stages a copy inside main, with its note and both parts. Returns the ID of the upload.
    fn stage_inside(
        &mut self,
        it: &mut TransferTask,
        etag: &ETag,
        size: u64,
        attributes: &Attributes,
    ) -> Result<u64, ErrorKind> {
        let TransferSpec {
            source, destination, ..
        } = &it.spec;
        it.note = Some(self.put_note(destination));
        let id = self.store.begin_staging(destination, size, attributes);
        for _ in staged_copy(id, size).parts {
            if let Err(refused) = self.store.stage_part_in_main(id, source, etag) {
                self.store.abort_staged(&upload_id(id));
                return Err(refused);
            }
        }
        Ok(id)
    }

    /// Deletes the source of a move in one act. Checks I14.
    fn delete_moved(&mut self, spec: &TransferSpec, etag: &ETag) -> Result<Result<(), ErrorKind>, Broken> {
        match self.store.undo(&spec.source, etag) {
            Ok(Some(object)) => {
                self.audit.removed(&spec.source, [etag, etag], &object)?;
                if !self.store.has_anywhere(object.content) {
                    return broken(format!("I14: {object:?} was moved from {}, and is lost", spec.source));
                }
                Ok(Ok(()))
            }
            Ok(None) => Ok(Err(ErrorKind::NotFound)),
            Err(kind) => Ok(Err(kind)),
        }
    }
}
