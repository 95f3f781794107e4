//! The copies that are kept of what other acts replace or delete, one act at a time, with faults.

use draftstore_storage::{ETag, ErrorKind, ObjectKey, StorageOptions};

use super::audit::{Broken, broken};
use super::spec::Fault;
use super::world::World;
use crate::kept::{Keep, KeepAnswer, KeepEffect, KeepError, KeepStep, Keeping, ReplacedId, Source};

/// The progress of the copy before an effect that removes an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) enum KeepState {
    #[default]
    NotBegun,
    Running(Keeping, KeepEffect),
    Kept,
}

/// The result of an act of such a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeepTurn {
    /// The effect can be performed.
    Ready,
    /// The copy needs another act.
    Continues,
    /// There is no copy, and the effect ends in this error.
    Failed(ErrorKind),
}

impl World {
    /// Performs the next act of the copy that is kept before an effect removes a version, if the server keeps copies.
    pub(super) fn keep(
        &mut self,
        state: &mut KeepState,
        key: &ObjectKey,
        removes: Option<&ETag>,
        fault: Fault,
    ) -> Result<KeepTurn, Broken> {
        let Some(etag) = removes.filter(|_| self.store.keeps_replaced) else {
            return Ok(KeepTurn::Ready);
        };
        let (mut keeping, effect) = match std::mem::take(state) {
            KeepState::Kept => return Ok(KeepTurn::Ready),
            KeepState::Running(keeping, effect) => (keeping, effect),
            KeepState::NotBegun => {
                let id = ReplacedId::new(self.now(), self.fresh_content());
                let etag = etag.clone();
                Keeping::start(Keep { etag, id })
            }
        };
        self.record(|| format!("keep {key}: {effect:?} {fault:?}"));
        let answer = self.perform_keep(key, &effect, fault);
        Ok(match keeping.on(answer) {
            KeepStep::Perform(effect) => {
                *state = KeepState::Running(keeping, effect);
                KeepTurn::Continues
            }
            KeepStep::Finish(Ok(_)) => {
                *state = KeepState::Kept;
                KeepTurn::Continues
            }
            KeepStep::Finish(Err(KeepError::Changed)) => KeepTurn::Failed(ErrorKind::PreconditionFailed),
            KeepStep::Finish(Err(KeepError::Store(kind))) => KeepTurn::Failed(kind),
            KeepStep::Finish(Err(KeepError::OutOfStep)) => return broken(format!("the copy of {key} is out of step")),
        })
    }

    fn perform_keep(&mut self, key: &ObjectKey, effect: &KeepEffect, fault: Fault) -> KeepAnswer<ErrorKind> {
        let failed = match fault {
            Fault::Before(kind) => Some(kind),
            Fault::Lost | Fault::Late => Some(ErrorKind::Unavailable),
            Fault::No | Fault::Stale => None,
        };
        match effect {
            KeepEffect::Find => {
                let found = self.store.main.get(key).map(|object| {
                    Box::new(Source {
                        info: object.info.clone(),
                        options: StorageOptions::NONE,
                        origin: None,
                    })
                });
                KeepAnswer::Found(failed.map_or(Ok(found), Err))
            }
            KeepEffect::Copy {
                etag, id, attributes, ..
            } => {
                // A copy that is made late is one too many.
                let copied = match fault {
                    Fault::Before(_) | Fault::Late => Ok(()),
                    Fault::Lost | Fault::No | Fault::Stale => {
                        let copied = self.store.copy_in_main(key, etag, &id.key(key), None, attributes);
                        copied.map(drop)
                    }
                };
                KeepAnswer::Copied(failed.map_or(copied, Err))
            }
        }
    }
}
