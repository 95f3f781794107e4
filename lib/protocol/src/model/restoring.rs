//! The effects of a restore on the model's store, one act at a time, with faults.

use draftstore_storage::{
    Attributes, Condition, ETag, ErrorKind, ObjectInfo, ObjectKey, StorageOptions, VersionCopied, VersionId,
};

use super::audit::{Broken, broken};
use super::keeping::{KeepState, KeepTurn};
use super::spec::{Fault, digest};
use super::task::Task;
use super::world::{Late, World};
use crate::confirm::{MarkerDigest, is_restored_by, settlement_key};
use crate::kept::{
    Expected, Restore, RestoreAnswer as Answer, RestoreEffect as Effect, RestoreStep as Step, Restoring, Version,
};

/// A restore in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct RestoringTask {
    pub(super) main_key: ObjectKey,
    request: MarkerDigest,
    /// The version that the caller names, if it does.
    version: Option<VersionId>,
    expected: Expected,
    restoring: Restoring<ErrorKind>,
    step: Step<ErrorKind>,
    has_looked: bool,
    /// The `ETag` of the object that the first look found.
    seen: Option<ETag>,
    /// Set if the first look found an object that this request has not made.
    has_found_another: bool,
    keeping: KeepState,
}

/// A copy of a version, as the store gets it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct VersionCopy {
    pub(super) key: ObjectKey,
    version: VersionId,
    main_etag: Option<ETag>,
    attributes: Attributes,
    /// The object that may be replaced.
    seen: Option<ETag>,
}

impl World {
    pub(super) fn begin_restore(
        &mut self,
        server: usize,
        main_key: ObjectKey,
        version: Option<VersionId>,
        expected: Expected,
    ) {
        let request = digest((&main_key, version.as_ref().map(VersionId::as_str), &expected));
        let (restoring, effect) = Restoring::start(Restore {
            request: request.clone(),
            expected: expected.clone(),
            now: self.now(),
            proves_copies: self.profile.believed().honours(Condition::CopyMd5),
        });
        let task = RestoringTask {
            main_key,
            request,
            version,
            expected,
            restoring,
            step: Step::Perform(effect),
            has_looked: false,
            seen: None,
            has_found_another: false,
            keeping: KeepState::NotBegun,
        };
        self.begin(server, Task::Restore(Box::new(task)));
    }

    /// Performs the next act of a restore. Returns false if it has ended.
    pub(super) fn step_restore(&mut self, task: usize, it: &mut RestoringTask, fault: Fault) -> Result<bool, Broken> {
        if let Step::Perform(effect) = it.step.clone() {
            self.record(|| format!("{task}: restore {}: {effect:?} {fault:?}", it.main_key));
            let main_key = it.main_key.clone();
            let answer = match self.keep(&mut it.keeping, &main_key, effect.removes(), fault)? {
                KeepTurn::Continues => return Ok(true),
                KeepTurn::Failed(kind) => Answer::Copied(Err(kind)),
                KeepTurn::Ready => self.perform_restore(it, effect, fault)?,
            };
            it.step = it.restoring.on(answer);
        }
        let Step::Finish(answer) = &it.step else {
            return Ok(true);
        };
        self.record(|| format!("answer to the restore of {}: {answer:?}", it.main_key));
        if let Ok(restored) = answer {
            if it.expected == Expected::Nothing && it.has_found_another {
                return broken(format!(
                    "I14: {} was answered to be undeleted, and was there",
                    it.main_key
                ));
            }
            self.audit.told_restored(&it.main_key, &restored.current)?;
        }
        Ok(false)
    }

    fn perform_restore(
        &mut self,
        it: &mut RestoringTask,
        effect: Effect,
        fault: Fault,
    ) -> Result<Answer<ErrorKind>, Broken> {
        let failed = match fault {
            Fault::Before(kind) => Some(kind),
            Fault::Lost | Fault::Late => Some(ErrorKind::Unavailable),
            Fault::No | Fault::Stale => None,
        };
        let info = |object: Option<&super::store::Object>| object.map(|object| object.info.clone());
        Ok(match effect {
            Effect::HeadMain => {
                let main = info(self.store.main.get(&it.main_key));
                if failed.is_none() && !it.has_looked {
                    it.has_looked = true;
                    it.seen = main.as_ref().map(|main| main.etag.clone());
                    let is_another = |main: &ObjectInfo| !is_restored_by(&main.attributes.metadata, &it.request);
                    it.has_found_another = main.as_ref().is_some_and(is_another);
                }
                Answer::Head(failed.map_or(Ok(main), Err))
            }
            Effect::HeadSettlement { batch } => {
                let settlement = info(self.store.draft.get(&settlement_key(batch)));
                Answer::Head(failed.map_or(Ok(settlement), Err))
            }
            Effect::FindSource => {
                let id = it
                    .version
                    .clone()
                    .or_else(|| self.store.restorable(&it.main_key).next());
                let source = id.and_then(|id| {
                    let info = self.store.version(&it.main_key, &id)?.info.clone();
                    let options = StorageOptions::NONE;
                    Some(Version { id, info, options })
                });
                Answer::Source(failed.map_or(Ok(source), Err))
            }
            Effect::Copy {
                version_id,
                main_etag,
                attributes,
            } => {
                let copy = VersionCopy {
                    key: it.main_key.clone(),
                    version: version_id,
                    main_etag,
                    attributes: *attributes,
                    seen: match &it.expected {
                        Expected::Any => it.seen.clone(),
                        Expected::Nothing => None,
                        Expected::Version(etag) => Some(etag.clone()),
                    },
                };
                let copied = match fault {
                    Fault::Before(kind) => Err(kind),
                    Fault::Late => {
                        self.limbo.push(Late::Restore(copy));
                        Err(ErrorKind::Unavailable)
                    }
                    Fault::Lost | Fault::No | Fault::Stale => self.copy_version(&copy)?,
                };
                Answer::Copied(failed.map_or(copied, Err))
            }
        })
    }

    /// Copies a version in one act. Checks I14.
    pub(super) fn copy_version(&mut self, copy: &VersionCopy) -> Result<Result<VersionCopied, ErrorKind>, Broken> {
        let before = self.store.main.get(&copy.key).cloned();
        let to_etag = copy.main_etag.as_ref();
        let copied = self.store.restore(&copy.key, &copy.version, to_etag, &copy.attributes);
        if copied.is_ok() {
            let after = self.store.main.get(&copy.key).expect("it was just copied there");
            self.audit
                .restored(&copy.key, &copy.version, copy.seen.as_ref(), before.as_ref(), after)?;
            self.store.check_kept(&copy.key, before.as_ref())?;
        }
        Ok(copied)
    }
}
