//! An atomic batch: where a confirm paused, and how it goes on.

use draftstore_storage::{ETag, ObjectInfo};

use super::super::effect::{Effect, Kept, Step};
use super::super::error::{ConfirmError, Contradiction, Unresolved};
use super::super::marker;
use super::super::turn::Turn;
use super::{Protocol, State};
use crate::StoreError;

impl<E: StoreError> Protocol<E> {
    /// In a batch: takes its turn from where it paused.
    pub fn turn(&mut self, turn: Turn, step: &mut Step<E>) {
        *step = match (turn, std::mem::replace(step, Step::Held)) {
            (Turn::Copy, Step::Ready(effect)) => Step::Perform(effect),
            (Turn::Settle | Turn::Undo | Turn::Leave, Step::Ready(_)) => Step::Finish(Err(ConfirmError::RolledBack)),
            (Turn::Leave, Step::Held) => Step::Finish(Err(ConfirmError::Unresolved(Unresolved::LeftUnsettled))),
            (Turn::Settle, Step::Held) => self.settle(),
            (Turn::Undo, Step::Held) => self.undo(),
            // A copy whose answer was lost, or that could not be read back, may be in main.
            (Turn::Undo, Step::Finish(Err(error))) if self.is_under_way => self.look(State::BeforeUndo(error)),
            (_, step) => step,
        };
    }

    /// All others are held too, so it may end.
    fn settle(&mut self) -> Step<E> {
        match self.held() {
            Ok((draft_etag, kept)) => self.remove(draft_etag, kept),
            Err(out_of_step) => Step::Finish(Err(out_of_step)),
        }
    }

    /// Another failed, so what this one made is taken back. What an earlier confirm had made stays.
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

/// What to say where a copy could not be taken back: a confirm that failed says why it did.
pub(super) fn not_undone<E>(otherwise: ConfirmError<E>, because: ConfirmError<E>) -> ConfirmError<E> {
    if matches!(otherwise, ConfirmError::RolledBack) {
        because
    } else {
        otherwise
    }
}
