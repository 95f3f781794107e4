//! The turns of an atomic batch: a confirm pauses, and continues with the others.

use draftstore_storage::{ETag, ObjectInfo};

use super::super::effect::{Effect, Kept, Step};
use super::super::error::{ConfirmError, Contradiction, Unresolved};
use super::super::marker;
use super::super::turn::Turn;
use super::{Protocol, State};
use crate::StoreError;

impl<E: StoreError> Protocol<E> {
    /// Continues a paused confirm of a batch with its next turn.
    pub fn turn(&mut self, turn: Turn, step: &mut Step<E>) {
        *step = match (turn, std::mem::replace(step, Step::Held)) {
            (Turn::Copy, Step::Ready(effect)) => Step::Perform(effect),
            (Turn::Settle | Turn::Undo | Turn::Leave, Step::Ready(_)) => Step::Finish(Err(ConfirmError::RolledBack)),
            (Turn::Leave, Step::Held) => Step::Finish(Err(ConfirmError::Unresolved(Unresolved::LeftUnsettled))),
            (Turn::Settle, Step::Held) => self.settle(),
            (Turn::Undo, Step::Held) => self.undo(),
            // A copy whose answer was lost, or that could not be verified, may be in main.
            (Turn::Undo, Step::Finish(Err(error))) if self.is_under_way => self.look(State::BeforeUndo(error)),
            (_, step) => step,
        };
    }

    /// Removes the draft, since all members of the batch have their objects in main.
    fn settle(&mut self) -> Step<E> {
        match self.held() {
            Ok((draft_etag, kept)) => self.remove(draft_etag, kept),
            Err(out_of_step) => Step::Finish(Err(out_of_step)),
        }
    }

    /// Undoes the copy, since another member failed. An object of an earlier confirm stays.
    fn undo(&mut self) -> Step<E> {
        match self.held() {
            Ok((_, kept)) if kept.replayed => Step::Finish(Ok(kept)),
            Ok(_) => self.look(State::BeforeUndo(ConfirmError::RolledBack)),
            Err(out_of_step) => Step::Finish(Err(out_of_step)),
        }
    }

    fn held(&mut self) -> Result<(ETag, Kept), ConfirmError<E>> {
        if let State::Held(draft_etag, kept) = std::mem::replace(&mut self.state, State::Over) {
            Ok((draft_etag, kept))
        } else {
            Err(ConfirmError::Contradiction(Contradiction::OutOfStep))
        }
    }

    pub(super) fn on_before_undo(&mut self, otherwise: ConfirmError<E>, main: Option<&ObjectInfo>) -> Step<E> {
        let ours = |main: &&ObjectInfo| marker::batch_of(&main.attributes.metadata) == self.confirm.batch;
        match (main.filter(ours), self.confirm.batch) {
            (Some(main), Some(batch)) => {
                self.state = State::Undo(otherwise);
                let main_etag = main.etag.clone();
                Step::Perform(Effect::UndoCopy { main_etag, batch })
            }
            (_, _) => Step::Finish(Err(otherwise)),
        }
    }
}

/// Returns the error if a copy could not be undone. A confirm that failed keeps its own error.
pub(super) fn not_undone<E>(otherwise: ConfirmError<E>, because: ConfirmError<E>) -> ConfirmError<E> {
    if matches!(otherwise, ConfirmError::RolledBack) {
        because
    } else {
        otherwise
    }
}
