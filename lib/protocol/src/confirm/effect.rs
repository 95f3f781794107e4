//! The effects that the protocol requests, and the answers to them.

use std::time::SystemTime;

use draftstore_storage::{Attributes, ETag, ObjectInfo, StagedCopy, VersionId};

use super::error::{ConfirmError, Contradiction};
use super::marker::BatchId;
use crate::checks::{NoVerdict, Verdict};

/// A call, or several, that the protocol wants the driver to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Look up the draft.
    HeadDraft,
    /// Get the verdict of the checks on this version of the draft, and start them if there is none. The driver may wait
    /// for a while.
    Verdict {
        /// The draft, as it was looked up.
        draft: Box<ObjectInfo>,
    },
    /// Look up the object in main under the name.
    HeadMain,
    /// Look up the settlement of a batch, the object which shows that the batch has settled.
    HeadSettlement {
        /// The ID of the batch.
        batch: BatchId,
    },
    /// Copy this version of the draft to main, if the draft is still that version, and main is still empty or this
    /// version.
    Copy {
        /// The version of the draft.
        draft_etag: ETag,
        /// The version of the object in main, if there is one to be replaced.
        main_etag: Option<ETag>,
        /// The complete attributes of the new object.
        attributes: Attributes,
    },
    /// Copy this version of the draft to main, part by part, without making it visible yet.
    Stage {
        /// The version of the draft.
        draft_etag: ETag,
        /// The size of the draft in bytes.
        size: u64,
        /// The complete attributes of the new object.
        attributes: Attributes,
    },
    /// Make the staged copy the object in main, if main is still empty or this version.
    Complete {
        /// The staged copy to complete.
        staged: StagedCopy,
        /// The version of the object in main, if there is one to be replaced.
        main_etag: Option<ETag>,
    },
    /// Abort the staged copy.
    Unstage {
        /// The staged copy to abort.
        staged: StagedCopy,
    },
    /// Delete this version of the draft, which was just looked up.
    DeleteDraft {
        /// The version of the draft.
        draft_etag: ETag,
    },
    /// Delete this version of the object in main, which this confirm made. The driver must not do so if the delete
    /// could take effect after the batch's deadline.
    UndoCopy {
        /// The version of the object in main.
        main_etag: ETag,
        /// The ID of the batch.
        batch: BatchId,
    },
    /// Delete this version of the object in main, which this confirm made of another version of the draft than it meant.
    /// The driver must not do so if the delete could take effect after this time, when others may replace the object.
    UndoSwap {
        /// The version of the object in main.
        main_etag: ETag,
        /// The time at which the delete has taken effect.
        until: SystemTime,
    },
}

impl Effect {
    /// Returns the version in main that the effect replaces, of which a copy is kept first. What a confirm undoes, it has made
    /// itself.
    pub fn removes(&self) -> Option<&ETag> {
        match self {
            Self::Copy { main_etag, .. } | Self::Complete { main_etag, .. } => main_etag.as_ref(),
            Self::HeadDraft
            | Self::Verdict { .. }
            | Self::HeadMain
            | Self::HeadSettlement { .. }
            | Self::Stage { .. }
            | Self::Unstage { .. }
            | Self::DeleteDraft { .. }
            | Self::UndoCopy { .. }
            | Self::UndoSwap { .. } => None,
        }
    }
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer<E> {
    /// The answer to a HEAD: the object, if there is one.
    Head(Result<Option<ObjectInfo>, E>),
    /// The verdict on the version of the draft.
    Verdict(Result<Verdict, NoVerdict<E>>),
    /// The answer to a copy, or to the completion of a staged one.
    Copied(Result<ETag, E>),
    /// The answer to the staging of a copy.
    Staged(Result<StagedCopy, E>),
    /// The answer to an effect that never fails a confirm, whatever its result.
    Done,
    /// The answer to the undo of a copy.
    Undone(Result<(), E>),
    /// The answer to the undo of a copy that was too late to begin.
    TooLate,
}

/// The next step after an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step<E> {
    /// Perform this effect, and answer with its result.
    Perform(Effect),
    /// In a batch: nothing was changed so far, and this is the first effect that changes something.
    Ready(Effect),
    /// In a batch: main has the object, and the draft is still there. The confirm continues with the batch's next turn.
    Held,
    /// The confirm has ended, with the object in main or an error.
    Finish(Result<Kept, ConfirmError<E>>),
}

impl<E> Step<E> {
    /// Returns true if the confirm has ended in an error.
    pub fn has_failed(&self) -> bool {
        matches!(self, Self::Finish(Err(_)))
    }

    /// Returns the result of a confirm that has ended.
    ///
    /// # Errors
    /// The error of the confirm, or [`Contradiction::OutOfStep`] if it has not ended.
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
    /// The attributes and version of the object.
    pub main: ObjectInfo,
    /// Set if an earlier confirm made the object.
    pub replayed: bool,
    /// The version of the draft that is left to be deleted, on condition that it is still that version. The confirm does
    /// not depend on it: the driver may answer first, and delete many drafts together, by [`Removals`](super::Removals).
    pub leftover: Option<ETag>,
    /// The ID of the version that this confirm replaced, if main has versions.
    pub replaced: Option<VersionId>,
}
