//! The effects that the protocol asks for, and the answers to them.

use draftstore_storage::{Attributes, ETag, ObjectInfo, StagedCopy};

use super::error::{ConfirmError, Contradiction};
use super::marker::BatchId;

/// A call, or several, that the protocol wants made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Look at the draft.
    HeadDraft,
    /// Look at what main holds under the name.
    HeadMain,
    /// Look whether this batch has settled: the object by which it says so.
    HeadSettlement {
        /// The batch.
        batch: BatchId,
    },
    /// Copy this version of the draft to main, if it still is that version, and main still is empty or this version.
    Copy {
        /// The version of the draft.
        draft_etag: ETag,
        /// The version of the object in main, if there is one to be replaced.
        main_etag: Option<ETag>,
        /// The whole of what shall be stored beside the bytes.
        attributes: Attributes,
    },
    /// Copy this version of the draft, part by part, to where it cannot be seen yet.
    Stage {
        /// The version of the draft.
        draft_etag: ETag,
        /// Its size in bytes.
        size: u64,
        /// The whole of what shall be stored beside the bytes.
        attributes: Attributes,
    },
    /// Make the staged copy the object in main, if main still is empty or this version.
    Complete {
        /// The staged copy.
        staged: StagedCopy,
        /// The version of the object in main, if there is one to be replaced.
        main_etag: Option<ETag>,
    },
    /// Give the staged copy up.
    Unstage {
        /// The staged copy.
        staged: StagedCopy,
    },
    /// Delete this version of the draft.
    DeleteDraft {
        /// The version of the draft.
        draft_etag: ETag,
    },
    /// Delete this version of the object in main, which this confirm made, unless that could come to pass when the time of
    /// this batch is over.
    UndoCopy {
        /// The version of the object in main.
        main_etag: ETag,
        /// The batch.
        batch: BatchId,
    },
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer<E> {
    /// To a HEAD: the object, if there is one.
    Head(Result<Option<ObjectInfo>, E>),
    /// To a copy, or to the completion of a staged one.
    Copied(Result<ETag, E>),
    /// To the staging of a copy.
    Staged(Result<StagedCopy, E>),
    /// To an effect that never fails a confirm, whatever came of it.
    Done,
    /// To the undoing of a copy.
    Undone(Result<(), E>),
    /// To the undoing of a copy that was not begun.
    TooLate,
}

/// The consequence of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step<E> {
    /// Do this and say what came of it.
    Perform(Effect),
    /// In a batch: nothing was changed so far, and this is the first thing that would change something.
    Ready(Effect),
    /// In a batch: main holds the object, the draft is still there. Goes on with the batch's next turn.
    Held,
    /// The end: what main holds, or why it does not.
    Finish(Result<Kept, ConfirmError<E>>),
}

impl<E> Step<E> {
    /// Returns whether the confirm has ended in an error.
    pub fn has_failed(&self) -> bool {
        matches!(self, Self::Finish(Err(_)))
    }

    /// Returns where the confirm came to.
    ///
    /// # Errors
    /// The reason why the draft was not kept; [`Contradiction::OutOfStep`] when the confirm has not ended.
    pub fn end(self) -> Result<Kept, ConfirmError<E>> {
        match self {
            Self::Finish(result) => result,
            Self::Perform(_) | Self::Ready(_) | Self::Held => {
                Err(ConfirmError::Contradiction(Contradiction::OutOfStep))
            }
        }
    }
}

/// The object that main holds after a confirm.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kept {
    /// The object.
    pub main: ObjectInfo,
    /// Set if an earlier confirm had put it there.
    pub replayed: bool,
}
