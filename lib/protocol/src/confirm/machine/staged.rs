//! The steps of a staged copy: verifies the draft again unless the store does so, and completes the copy.

use draftstore_storage::{ErrorKind, ObjectInfo, StagedCopy};

use super::super::effect::{Effect, Step};
use super::super::error::{ConfirmError, Unresolved};
use super::{After, Copying, Protocol, State};
use crate::StoreError;

impl<E: StoreError> Protocol<E> {
    pub(super) fn on_staged(&mut self, copying: Copying, staged: Result<StagedCopy, E>) -> Step<E> {
        match staged {
            Ok(staged) if self.is_staged_of_another(&copying.draft, &staged) => self.stage_again(staged),
            Ok(staged) if self.confirm.plan.stages_what_it_saw() => self.before_complete(copying, staged),
            Ok(staged) => {
                self.state = State::StagedProof(copying, staged);
                Step::Perform(Effect::HeadDraft)
            }
            Err(error) => match error.kind() {
                ErrorKind::PreconditionFailed | ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Unavailable
                    if self.copies_left > 0 =>
                {
                    self.look_at_draft()
                }
                ErrorKind::PreconditionFailed | ErrorKind::NotFound => {
                    Step::Finish(Err(ConfirmError::Unresolved(Unresolved::NeverStill)))
                }
                ErrorKind::Conflict
                | ErrorKind::Unavailable
                | ErrorKind::BucketNotFound
                | ErrorKind::TooLarge
                | ErrorKind::CredentialsRefused
                | ErrorKind::Archived
                | ErrorKind::Unsupported
                | ErrorKind::Unexpected => Step::Finish(Err(ConfirmError::Store(error))),
            },
        }
    }

    /// Verifies the version of the draft after all parts were copied, while the copy is still invisible.
    pub(super) fn on_staged_proof(
        &mut self,
        copying: Copying,
        staged: StagedCopy,
        now: Option<&ObjectInfo>,
    ) -> Step<E> {
        let same =
            |now: &ObjectInfo| now.etag == copying.draft.etag && now.last_modified == copying.draft.last_modified;
        if now.is_some_and(same) {
            self.before_complete(copying, staged)
        } else {
            self.stage_again(staged)
        }
    }

    /// Gives up a copy of another version of the draft, while it is still invisible.
    fn stage_again(&mut self, staged: StagedCopy) -> Step<E> {
        if self.copies_left == 0 {
            self.unstage(
                staged,
                After::Finish(Err(ConfirmError::Unresolved(Unresolved::NeverStill))),
            )
        } else {
            self.unstage(staged, After::LookAtDraft)
        }
    }

    fn before_complete(&mut self, copying: Copying, staged: StagedCopy) -> Step<E> {
        if self.confirm.plan.keeps_existing_staged() {
            self.complete(copying, staged)
        } else {
            self.look(State::BeforeComplete(copying, staged))
        }
    }

    pub(super) fn on_before_complete(
        &mut self,
        copying: Copying,
        staged: StagedCopy,
        main: Option<&ObjectInfo>,
    ) -> Step<E> {
        if main.map(|main| &main.etag) == copying.main_etag.as_ref() {
            self.complete(copying, staged)
        } else {
            self.unstage(staged, After::LookAtDraft)
        }
    }

    fn complete(&mut self, copying: Copying, staged: StagedCopy) -> Step<E> {
        let main_etag = copying.main_etag.clone();
        self.state = State::Complete(copying, staged.clone());
        Step::Perform(Effect::Complete { staged, main_etag })
    }
}
