//! The delete of an object in main, as a state machine.
//!
//! 1. HEAD main. Nothing there: there is nothing to delete. Another version than the caller's: fail. The object of an
//!    atomic batch that has not settled: fail, because the batch may undo it, and would then undo an object of the same
//!    bytes that another confirm makes after the delete. The same goes for a copy of another version of the draft, which
//!    its confirm deletes.
//! 2. Delete, on condition that the object is still that version.
//! 3. After a failed condition, a conflict or a lost answer: HEAD main. Nothing there: it is deleted, by this call if an
//!    answer was lost, and otherwise by another one. No change: try again, a few times. Another version: fail, since another
//!    call replaced what this one wanted to delete.

use std::time::SystemTime;

use draftstore_storage::{ETag, ErrorKind, ObjectInfo, VersionId};

use crate::StoreError;
use crate::confirm::{BatchId, held_by, may_undo_swap};

/// The maximum number of deletes before the caller must repeat the call.
const MAX_DELETES: u8 = 3;

/// The parameters of one delete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delete {
    /// The version to delete. By default, the one that the first look finds.
    pub if_match: Option<ETag>,
    /// The time at which the delete began.
    pub now: SystemTime,
    /// Set if the store's `ETag`s show a copy of another version of the draft.
    pub proves_copies: bool,
}

/// The delete of an object in progress. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Deletion<E> {
    delete: Delete,
    deletes_left: u8,
    /// Set if the answer to a delete was lost, so that this call may have deleted the object.
    is_in_doubt: bool,
    state: State<E>,
}

/// The answer that the delete waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State<E> {
    /// The first lookup of the object.
    Look,
    /// The lookup of the settlement of the batch that made this object.
    Settlement(ObjectInfo),
    /// The delete of this object.
    Delete(ObjectInfo),
    /// The lookup of the object, to learn the outcome of a delete that ended in this error.
    Outcome(ObjectInfo, E),
    /// No answer: the delete has ended.
    Over,
}

/// A call that the delete wants its driver to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Look up the object.
    HeadMain,
    /// Look up the settlement of a batch.
    HeadSettlement {
        /// The ID of the batch.
        batch: BatchId,
    },
    /// Delete this version of the object.
    Delete {
        /// The version of the object.
        main_etag: ETag,
    },
}

impl Effect {
    /// Returns the version that the effect removes, of which a copy is kept first.
    pub fn removes(&self) -> Option<&ETag> {
        match self {
            Self::Delete { main_etag } => Some(main_etag),
            Self::HeadMain | Self::HeadSettlement { .. } => None,
        }
    }
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer<E> {
    /// The answer to a HEAD: the object, if there is one.
    Head(Result<Option<ObjectInfo>, E>),
    /// The answer to a delete: the ID of the delete marker, if main has versions.
    Deleted(Result<Option<VersionId>, E>),
}

/// The next step after an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step<E> {
    /// Perform this effect, and answer with its result.
    Perform(Effect),
    /// The delete has ended.
    Finish(Result<Deleted, DeleteError<E>>),
}

/// The result of a delete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Deleted {
    /// This object was there, and is not any more.
    Now {
        /// The object that was deleted.
        main: Box<ObjectInfo>,
        /// The ID of the delete marker, if main has versions and the answer was not lost.
        marker: Option<VersionId>,
    },
    /// There was no object, or another call deleted or moved it during this one.
    Before,
}

/// The reason why an object was not deleted. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DeleteError<E> {
    /// The object is not the version that the caller requires.
    #[error("if_match does not match what is stored")]
    PinMismatch,
    /// Another caller replaced the object during the delete.
    #[error("the object was replaced during the delete")]
    Changed,
    /// The confirm or the batch that made the object may still undo it.
    #[error("the confirm or the batch that made the object may still undo it")]
    Held,
    /// The server may look the object up, and may not delete it.
    #[error("the server may not delete in the main bucket")]
    NotPermitted(#[source] E),
    /// Every attempt to delete failed. This is the last error.
    #[error(transparent)]
    Unresolved(E),
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// The driver answered an effect that was not requested: a bug.
    #[error("the delete got an unexpected answer")]
    OutOfStep,
}

impl<E: StoreError> Deletion<E> {
    /// Starts a delete, and returns its first effect.
    pub fn start(delete: Delete) -> (Self, Effect) {
        let deletion = Self {
            delete,
            deletes_left: MAX_DELETES,
            is_in_doubt: false,
            state: State::Look,
        };
        (deletion, Effect::HeadMain)
    }

    /// Handles the answer to the last effect.
    #[must_use]
    pub fn on(&mut self, answer: Answer<E>) -> Step<E> {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::Look | State::Settlement(_) | State::Outcome(..), Answer::Head(Err(error))) => {
                Step::Finish(Err(DeleteError::Store(error)))
            }
            (State::Look, Answer::Head(Ok(main))) => self.on_look(main),
            (State::Settlement(main), Answer::Head(Ok(Some(_)))) => self.delete(main),
            (State::Settlement(_), Answer::Head(Ok(None))) => Step::Finish(Err(DeleteError::Held)),
            (State::Delete(main), Answer::Deleted(Ok(marker))) => Step::Finish(Ok(deleted(main, marker))),
            (State::Delete(main), Answer::Deleted(Err(error))) => self.on_failed(main, error),
            (State::Outcome(main, error), Answer::Head(Ok(now))) => self.on_outcome(main, error, now),
            (State::Look | State::Settlement(_) | State::Outcome(..), Answer::Deleted(_))
            | (State::Delete(_), Answer::Head(_))
            | (State::Over, _) => Step::Finish(Err(DeleteError::OutOfStep)),
        }
    }

    fn on_look(&mut self, main: Option<ObjectInfo>) -> Step<E> {
        let Some(main) = main else {
            return Step::Finish(Ok(Deleted::Before));
        };
        if self.delete.if_match.as_ref().is_some_and(|etag| *etag != main.etag) {
            return Step::Finish(Err(DeleteError::PinMismatch));
        }
        if self.delete.proves_copies && may_undo_swap(&main, self.delete.now) {
            return Step::Finish(Err(DeleteError::Held));
        }
        match held_by(&main.attributes.metadata, None, self.delete.now) {
            Some(batch) => {
                self.state = State::Settlement(main);
                Step::Perform(Effect::HeadSettlement { batch })
            }
            None => self.delete(main),
        }
    }

    fn delete(&mut self, main: ObjectInfo) -> Step<E> {
        self.deletes_left = self.deletes_left.saturating_sub(1);
        let main_etag = main.etag.clone();
        self.state = State::Delete(main);
        Step::Perform(Effect::Delete { main_etag })
    }

    fn on_failed(&mut self, main: ObjectInfo, error: E) -> Step<E> {
        self.is_in_doubt |= error.kind() == ErrorKind::Unavailable;
        match error.kind() {
            ErrorKind::PreconditionFailed | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::NotFound => {
                self.state = State::Outcome(main, error);
                Step::Perform(Effect::HeadMain)
            }
            ErrorKind::CredentialsRefused => Step::Finish(Err(DeleteError::NotPermitted(error))),
            ErrorKind::BucketNotFound
            | ErrorKind::TooLarge
            | ErrorKind::Archived
            | ErrorKind::Unsupported
            | ErrorKind::Unexpected => Step::Finish(Err(DeleteError::Store(error))),
        }
    }

    fn on_outcome(&mut self, main: ObjectInfo, error: E, now: Option<ObjectInfo>) -> Step<E> {
        match now {
            None if self.is_in_doubt => Step::Finish(Ok(deleted(main, None))),
            None => Step::Finish(Ok(Deleted::Before)),
            Some(now) if now.etag != main.etag => Step::Finish(Err(DeleteError::Changed)),
            Some(_) if self.deletes_left == 0 => Step::Finish(Err(DeleteError::Unresolved(error))),
            // The object may be another one of the same bytes, and of a batch.
            Some(now) => self.on_look(Some(now)),
        }
    }
}

fn deleted(main: ObjectInfo, marker: Option<VersionId>) -> Deleted {
    let main = Box::new(main);
    Deleted::Now { main, marker }
}
