//! The effects of a delete on the model's store, one act at a time, with faults.

use draftstore_storage::{Condition, ETag, ErrorKind, ObjectKey};

use super::audit::{Broken, broken};
use super::keeping::{KeepState, KeepTurn};
use super::spec::Fault;
use super::world::{Late, World};
use crate::confirm::settlement_key;
use crate::kept::{Answer, Delete, DeleteError, Deleted, Deletion, Effect, Step};

/// A delete in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Deleting {
    pub(super) main_key: ObjectKey,
    if_match: Option<ETag>,
    deletion: Deletion<ErrorKind>,
    step: Step<ErrorKind>,
    /// The object, as the audit counts them, that the last look found.
    seen: Option<usize>,
    keeping: KeepState,
    own_delete: OwnDelete,
}

/// The deletes of a task, and what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct OwnDelete {
    /// Set after a delete.
    pub(super) is_tried: bool,
    /// Set after a delete has removed the object.
    pub(super) has_removed: bool,
    /// Set after a fault, so that the task cannot know if it has removed the object.
    pub(super) is_in_doubt: bool,
}

impl OwnDelete {
    /// Checks that a task which is answered with success has removed the object itself, unless it cannot know (I14).
    pub(super) fn check(self, key: &ObjectKey) -> Result<(), Broken> {
        if self.is_tried && !self.has_removed && !self.is_in_doubt {
            return broken(format!(
                "I14: {key} was removed by another call, and this one was not told"
            ));
        }
        Ok(())
    }
}

impl World {
    pub(super) fn begin_delete(&mut self, server: usize, main_key: ObjectKey, if_match: Option<ETag>) {
        let (deletion, effect) = Deletion::start(Delete {
            if_match: if_match.clone(),
            now: self.now(),
            proves_copies: self.profile.believed().honours(Condition::CopyMd5),
        });
        let deleting = Deleting {
            main_key,
            if_match,
            deletion,
            step: Step::Perform(effect),
            seen: None,
            keeping: KeepState::NotBegun,
            own_delete: OwnDelete::default(),
        };
        self.begin(server, super::task::Task::Delete(Box::new(deleting)));
    }

    /// Performs the next act of a delete. Returns false if it has ended.
    pub(super) fn step_delete(&mut self, task: usize, it: &mut Deleting, fault: Fault) -> Result<bool, Broken> {
        if let Step::Perform(effect) = it.step.clone() {
            self.record(|| format!("{task}: delete {}: {effect:?} {fault:?}", it.main_key));
            let main_key = it.main_key.clone();
            let answer = match self.keep(&mut it.keeping, &main_key, effect.removes(), fault)? {
                KeepTurn::Continues => return Ok(true),
                KeepTurn::Failed(kind) => {
                    it.own_delete.is_in_doubt |= kind == ErrorKind::Unavailable;
                    Answer::Deleted(Err(kind))
                }
                KeepTurn::Ready => self.perform_delete(it, &effect, fault)?,
            };
            it.step = it.deletion.on(answer);
        }
        let Step::Finish(answer) = &it.step else {
            return Ok(true);
        };
        self.record(|| format!("answer to the delete of {}: {answer:?}", it.main_key));
        match answer {
            Ok(Deleted::Now { main, .. }) => {
                it.own_delete.check(&it.main_key)?;
                self.audit.told_deleted(&it.main_key, main, it.seen)?;
            }
            Err(DeleteError::Held) => self.audit.told_held(&it.main_key, it.seen)?,
            Ok(Deleted::Before) | Err(_) => {}
        }
        Ok(false)
    }

    fn perform_delete(
        &mut self,
        it: &mut Deleting,
        effect: &Effect,
        fault: Fault,
    ) -> Result<Answer<ErrorKind>, Broken> {
        let failed = match fault {
            Fault::Before(kind) => Some(kind),
            Fault::Lost | Fault::Late => Some(ErrorKind::Unavailable),
            Fault::No | Fault::Stale => None,
        };
        Ok(match effect {
            Effect::HeadMain => {
                if failed.is_none() {
                    it.seen = self.audit.place(&it.main_key);
                }
                let main = self.store.main.get(&it.main_key).map(|object| object.info.clone());
                Answer::Head(failed.map_or(Ok(main), Err))
            }
            Effect::HeadSettlement { batch } => {
                let settlement = self.store.draft.get(&settlement_key(*batch));
                let settlement = settlement.map(|object| object.info.clone());
                Answer::Head(failed.map_or(Ok(settlement), Err))
            }
            Effect::Delete { main_etag } => {
                let deleted = match fault {
                    Fault::Before(_) => Ok(()),
                    Fault::Late => {
                        let delete = Late::Delete(it.main_key.clone(), main_etag.clone());
                        self.limbo.push(delete);
                        Ok(())
                    }
                    Fault::Lost | Fault::No | Fault::Stale => {
                        let deleted = self.delete_main(&it.main_key, main_etag, it.if_match.as_ref())?;
                        it.own_delete.has_removed |= deleted.is_ok();
                        deleted
                    }
                };
                it.own_delete.is_in_doubt |= failed == Some(ErrorKind::Unavailable);
                it.own_delete.is_tried = true;
                Answer::Deleted(failed.map_or(deleted.map(|()| None), Err))
            }
        })
    }

    /// Deletes an object in main in one act. Checks I14.
    pub(super) fn delete_main(
        &mut self,
        key: &ObjectKey,
        etag: &ETag,
        if_match: Option<&ETag>,
    ) -> Result<Result<(), ErrorKind>, Broken> {
        match self.store.undo(key, etag) {
            Ok(Some(object)) => {
                let expected = if_match.unwrap_or(etag);
                self.audit.removed(key, [etag, expected], &object)?;
                self.store.check_kept(key, Some(&object)).map(Ok)
            }
            Ok(None) => Ok(Err(ErrorKind::NotFound)),
            Err(kind) => Ok(Err(kind)),
        }
    }
}
