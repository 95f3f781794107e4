//! What the protocol asks for, and what it is told.

use std::time::SystemTime;

use draftstore_storage as storage;
use draftstore_storage::{Attributes, ETag, ObjectInfo, ObjectKey, Sha256, StagedCopy};

use super::marker::BatchId;
use super::plan::Plan;
use crate::Error;

/// One confirm, as the protocol needs to know it.
#[derive(Debug, Clone)]
pub(crate) struct Confirm {
    /// Where the draft is.
    pub(crate) draft_key: ObjectKey,
    /// What the caller insists on.
    pub(crate) pins: Pins,
    /// What may happen to an object that is there already.
    pub(crate) existing: Existing,
    /// The caller's own name for this confirm.
    pub(crate) idempotency_key: Option<String>,
    /// Drafts above this size are copied part by part.
    pub(crate) max_copy_bytes: u64,
    /// What the store allows.
    pub(crate) plan: Plan,
    /// The atomic batch that it belongs to, if any: it then stops before it changes anything, and again before it
    /// removes the draft.
    pub(crate) batch: Option<BatchId>,
    /// When it began.
    pub(crate) now: SystemTime,
}

/// What a confirm insists on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pins {
    /// The draft's version.
    pub(crate) if_match: Option<ETag>,
    /// The draft's size in bytes.
    pub(crate) content_length: Option<u64>,
    /// The draft's checksum, which the store must know.
    pub(crate) checksum_sha256: Option<Sha256>,
}

impl Pins {
    /// The pin that a draft does not match, if any.
    pub(super) fn broken_by_draft(&self, draft: &ObjectInfo) -> Option<&'static str> {
        let other_version = self.if_match.as_ref().is_some_and(|pin| *pin != draft.etag);
        other_version.then_some("if_match").or_else(|| self.broken_by(draft))
    }

    /// The same for an object in main, whose version may differ from the draft's.
    pub(super) fn broken_by(&self, object: &ObjectInfo) -> Option<&'static str> {
        if self.content_length.is_some_and(|bytes| bytes != object.size) {
            Some("content_length")
        } else if self.checksum_sha256.is_some() && self.checksum_sha256 != object.checksum_sha256 {
            Some("checksum_sha256")
        } else {
            None
        }
    }
}

/// What may happen to an object that main already holds under the name.
#[derive(Debug, Clone)]
pub(crate) enum Existing {
    /// It stays, and the confirm is refused.
    Keep,
    /// It is replaced, if it is this version, or else the one that was seen when the confirm began.
    Replace(Option<ETag>),
}

/// What the protocol wants done.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Look at the draft.
    HeadDraft,
    /// Look at what main holds under the name.
    HeadMain,
    /// Look whether this batch has settled: the object by which it says so.
    HeadSettlement { batch: BatchId },
    /// Copy this version of the draft to main, if it still is that version, and main still is empty or this version.
    Copy {
        draft_etag: ETag,
        main_etag: Option<ETag>,
        attributes: Attributes,
    },
    /// Copy this version of the draft, part by part, to where it cannot be seen yet.
    Stage {
        draft_etag: ETag,
        size: u64,
        attributes: Attributes,
    },
    /// Make the staged copy the object in main, if main still is empty or this version.
    Complete {
        staged: StagedCopy,
        main_etag: Option<ETag>,
    },
    /// Give the staged copy up.
    Unstage { staged: StagedCopy },
    /// Delete this version of the draft.
    DeleteDraft { draft_etag: ETag },
    /// Delete this version of the object in main, which this confirm made, unless that could come to pass when the time of
    /// this batch is over.
    UndoCopy { main_etag: ETag, batch: BatchId },
}

/// What came of an effect.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a HEAD: the object, if there is one.
    Head(Result<Option<ObjectInfo>, storage::Error>),
    /// To a copy, or to the completion of a staged one.
    Copied(Result<ETag, storage::Error>),
    /// To the staging of a copy.
    Staged(Result<StagedCopy, storage::Error>),
    /// To what never fails a confirm, whatever came of it.
    Done,
    /// To the undoing of a copy.
    Undone(Result<(), storage::Error>),
    /// To the undoing of a copy that was not begun.
    TooLate,
}

/// What follows from an answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// Do this and say what came of it.
    Perform(Effect),
    /// In a batch: nothing was changed so far, and this is the first thing that would change something.
    Ready(Effect),
    /// In a batch: main holds the object, the draft is still there. Goes on with the batch's next turn.
    Held,
    /// The end: what main holds, or why it does not.
    Finish(Result<Kept, Error>),
}

/// What the confirms of an atomic batch do next, all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// They look, and change nothing.
    Look,
    /// They copy.
    Copy,
    /// They remove their drafts.
    Settle,
    /// They take back what they did.
    Undo,
    /// They leave it as it is, for a repeat: it is too late to take back, or not known whether they may remove drafts.
    Leave,
}

impl Turn {
    /// The turn after this one.
    pub(crate) fn next(self, any_failed: bool, can_undo: bool) -> Option<Self> {
        match self {
            Self::Look if !any_failed => Some(Self::Copy),
            Self::Copy if !any_failed => Some(Self::Settle),
            Self::Look | Self::Copy if can_undo => Some(Self::Undo),
            Self::Look | Self::Copy => Some(Self::Leave),
            Self::Settle | Self::Undo | Self::Leave => None,
        }
    }
}

/// What main holds.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The object.
    pub(crate) main: ObjectInfo,
    /// Whether an earlier confirm had put it there.
    pub(crate) replayed: bool,
}
