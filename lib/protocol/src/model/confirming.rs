//! The effects of a confirm on the model's store, one act at a time, with faults.

use draftstore_storage::{Condition, DraftVersion, ETag, ErrorKind, ObjectInfo};

use super::audit::Broken;
use super::keeping::KeepTurn;
use super::spec::{Fault, Spec};
use super::store::{Object, time};
use super::task::Member;
use super::world::{Late, World};
use crate::confirm::{Answer, BatchId, Effect, settlement_key};

impl World {
    /// Performs an act of an effect. Returns `None` if the effect needs further acts.
    pub(super) fn perform(
        &mut self,
        member: &mut Member,
        effect: &Effect,
        fault: Fault,
    ) -> Result<Option<Answer<ErrorKind>>, Broken> {
        let spec = member.spec.clone();
        match self.keep(&mut member.keeping, &spec.main_key, effect.removes(), fault)? {
            KeepTurn::Continues => return Ok(None),
            KeepTurn::Failed(kind) => return Ok(Some(answer(effect, Err(kind)))),
            KeepTurn::Ready => {}
        }
        Ok(Some(match (effect, fault) {
            (Effect::HeadDraft | Effect::HeadMain | Effect::HeadSettlement { .. }, Fault::Before(kind)) => {
                Answer::Head(Err(kind))
            }
            (Effect::HeadDraft | Effect::HeadMain | Effect::HeadSettlement { .. }, Fault::Lost | Fault::Late) => {
                Answer::Head(Err(ErrorKind::Unavailable))
            }
            (Effect::Verdict { draft }, _) => return self.verdict(member, draft, fault),
            (Effect::HeadDraft, _) => Answer::Head(Ok(info(self.store.draft.get(&spec.draft_key)))),
            (Effect::HeadSettlement { batch }, _) => {
                Answer::Head(Ok(info(self.store.draft.get(&settlement_key(*batch)))))
            }
            (Effect::HeadMain, _) => Answer::Head(Ok(info(self.store.main.get(&spec.main_key)))),
            (Effect::Stage { .. }, _) => return Ok(self.stage(member, effect, fault)),
            (Effect::Unstage { staged }, _) => {
                if matches!(fault, Fault::No | Fault::Lost | Fault::Stale) {
                    self.store.abort_staged(&staged.upload_id);
                    self.remove_note(&mut member.note);
                }
                Answer::Done
            }
            (Effect::UndoCopy { batch, .. }, _) if !self.can_undo(*batch) => Answer::TooLate,
            (Effect::UndoSwap { until, .. }, _) if self.now() >= *until => Answer::TooLate,
            (_, Fault::Before(kind)) => answer(effect, Err(kind)),
            (_, Fault::Late) => {
                self.limbo.push(Late::Effect(Box::new(spec), effect.clone()));
                answer(effect, Err(ErrorKind::Unavailable))
            }
            (_, Fault::Lost) => {
                self.change(&spec, effect)?.ok();
                answer(effect, Err(ErrorKind::Unavailable))
            }
            (_, Fault::No | Fault::Stale) => {
                let changed = self.change(&spec, effect)?;
                if changed.is_ok() && matches!(effect, Effect::Complete { .. }) {
                    self.remove_note(&mut member.note);
                }
                answer(effect, changed)
            }
        }))
    }

    /// Changes the store in one act.
    pub(super) fn change(&mut self, spec: &Spec, effect: &Effect) -> Result<Result<Option<ETag>, ErrorKind>, Broken> {
        let before = self.store.main.get(&spec.main_key).cloned();
        let (copied, over) = match effect {
            Effect::Copy {
                draft_etag,
                main_etag,
                attributes,
            } => {
                let (from, to) = (&spec.draft_key, &spec.main_key);
                (
                    self.store.copy(from, draft_etag, to, main_etag.as_ref(), attributes),
                    main_etag,
                )
            }
            Effect::Complete { staged, main_etag } => (
                self.store.complete_staged(staged, &spec.main_key, main_etag.as_ref()),
                main_etag,
            ),
            Effect::DeleteDraft { draft_etag } => {
                let version = DraftVersion {
                    key: spec.draft_key.clone(),
                    etag: draft_etag.clone(),
                };
                return Ok(self.delete(&version, Condition::Delete)?.map(|()| None));
            }
            Effect::UndoCopy { main_etag, .. } | Effect::UndoSwap { main_etag, .. } => {
                return Ok(match self.store.undo(&spec.main_key, main_etag) {
                    Ok(Some(_)) => self.audit.undone(&spec.main_key).map(|()| Ok(None))?,
                    Ok(None) => Ok(None),
                    Err(kind) => Err(kind),
                });
            }
            Effect::HeadDraft
            | Effect::HeadMain
            | Effect::HeadSettlement { .. }
            | Effect::Verdict { .. }
            | Effect::Stage { .. }
            | Effect::Unstage { .. } => {
                return Ok(Ok(None));
            }
        };
        if copied.is_ok() {
            let after = self.store.main.get(&spec.main_key).expect("it was just copied there");
            self.audit.copied(spec, over.as_ref(), before.as_ref(), after)?;
            self.store.check_kept(&spec.main_key, before.as_ref())?;
        }
        Ok(copied.map(Some))
    }

    pub(super) fn delete(
        &mut self,
        version: &DraftVersion,
        condition: Condition,
    ) -> Result<Result<(), ErrorKind>, Broken> {
        match self.store.delete_draft(version, condition) {
            Ok(Some(draft)) => self.audit.deleted(&self.store, &version.key, &draft).map(Ok),
            Ok(None) => Ok(Ok(())),
            Err(kind) => Ok(Err(kind)),
        }
    }

    pub(super) fn can_undo(&self, batch: BatchId) -> bool {
        time(self.store.now + 1) < batch.datetime()
    }
}

fn info(object: Option<&Object>) -> Option<ObjectInfo> {
    object.map(|object| object.info.clone())
}

fn answer(effect: &Effect, result: Result<Option<ETag>, ErrorKind>) -> Answer<ErrorKind> {
    match effect {
        Effect::DeleteDraft { .. } => Answer::Done,
        Effect::UndoCopy { .. } | Effect::UndoSwap { .. } => Answer::Undone(result.map(|_| ())),
        Effect::HeadDraft
        | Effect::HeadMain
        | Effect::HeadSettlement { .. }
        | Effect::Verdict { .. }
        | Effect::Copy { .. }
        | Effect::Stage { .. }
        | Effect::Complete { .. }
        | Effect::Unstage { .. } => Answer::Copied(result.map(|etag| etag.expect("a copy gives an ETag"))),
    }
}
