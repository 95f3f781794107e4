//! The rules of a confirm as a state machine: an answer goes in, the next effect or the end comes out.
//!
//! Where nothing goes wrong, these are the effects, and a test of the service counts them on the wire:
//!
//! - A store that honours every condition: `HeadDraft`, `Copy`, `HeadMain`, `DeleteDraft`. None can be spared. The first
//!   look gives the version that the copy insists on, and what is compared with the pins. The copy finds out by itself
//!   whether main is empty. The last look is the proof: the copy's answer holds an `ETag` that need not be the draft's,
//!   and neither size nor checksum.
//! - With `overwrite` or in an atomic batch, `HeadMain` comes before the copy as well: for the version that may be replaced,
//!   and for what a batch holds, which nobody may replace. An atomic batch puts its settlement before the deletes.
//! - Where a copy replaces what is there, `HeadMain` comes before it; where a delete takes any version, `HeadDraft` comes
//!   before that, or, for a unique draft, there is no delete.
//! - Where one copy could be of other bytes than were looked at, and for what is larger than one carries: `Stage` (a note,
//!   the beginning, the parts), `HeadDraft` unless the parts have the condition, `HeadMain` unless the completion has,
//!   `Complete` (and the note goes), then on as after a copy.
//! - A draft that is gone: `HeadMain`, and nothing is changed.
//!
//! Looks are not made side by side, although that would save a round trip where main is looked at first: the later a look,
//! the less can happen between it and the act that it stands in for.

mod look;
mod outcome;
mod removal;
mod staged;
mod turns;

use draftstore_storage::{Attributes, ETag, ErrorKind, ObjectInfo, StagedCopy};

use super::effect::{Answer, Effect, Kept, Step};
use super::error::{ConfirmError, Contradiction, Unresolved};
use super::marker;
use super::request::{Confirm, Existing};
use crate::StoreError;

/// How often a copy is tried, at most, before the caller is told to come back.
const MAX_COPIES: u8 = 3;

/// One confirm under way. `E` is the error that calls to the store end in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Protocol<E> {
    confirm: Confirm,
    copies_left: u8,
    /// Whether an answer was lost to a copy that may have succeeded.
    copy_in_doubt: bool,
    /// In a batch: whether it was told to go on and change something.
    is_under_way: bool,
    state: State<E>,
}

/// What the protocol waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State<E> {
    /// The draft.
    Draft,
    /// Main, to learn whether an earlier confirm took the draft that is not there; else it ends with this error.
    Earlier(ConfirmError<E>),
    /// Main, before the copy of this draft.
    Main(ObjectInfo),
    /// The copy of this draft.
    Copy(Copying),
    /// The parts of a copy of this draft.
    Stage(Copying),
    /// The draft, to learn whether what was staged is what was looked at.
    StagedProof(Copying, StagedCopy),
    /// Main, before the staged copy is completed.
    BeforeComplete(Copying, StagedCopy),
    /// The completion of a staged copy.
    Complete(Copying, StagedCopy),
    /// Main, to learn what became of a copy that ended in this error.
    Outcome(Copying, Option<StagedCopy>, E),
    /// The end of a staged copy that did not succeed.
    Unstage(After<E>),
    /// Main, to compare it with this draft.
    ReadBack(ObjectInfo),
    /// The settlement of the batch that made this object.
    Settlement(ObjectInfo, Then),
    /// In a batch: the word to remove the draft of this version, or to take the copy back.
    Held(ETag, Kept),
    /// The draft, before it is deleted in this version.
    BeforeDelete(ETag, Kept),
    /// The delete of the draft.
    Delete(Kept),
    /// In a batch: main, to learn whether it holds what this confirm made; else it ends with this error.
    BeforeUndo(ConfirmError<E>),
    /// The delete in main.
    Undo(ConfirmError<E>),
    /// Nothing: it has ended.
    Over,
}

/// What to do when a staged copy is gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum After<E> {
    Finish(Result<Kept, ConfirmError<E>>),
    ReadBack(Box<Seen>),
    Replay(ObjectInfo),
    LookAtDraft,
    CopyAgain(Copying),
}

/// A draft, and what main was seen to hold of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Seen {
    draft: ObjectInfo,
    main: ObjectInfo,
    /// Whether an earlier confirm had put it there.
    replayed: bool,
}

/// What to do when it is sure that what an earlier confirm made stays.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Then {
    Answer,
    Hold(ETag),
    /// What may be taken back is not replaced either: taking back goes by the `ETag`, which an object of the same bytes
    /// shares.
    CopyOver(Box<ObjectInfo>),
}

/// A draft on its way to a place that is empty, or holds this version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Copying {
    draft: ObjectInfo,
    main_etag: Option<ETag>,
}

/// Main does not hold the version that was to be replaced.
const fn main_changed<E>() -> ConfirmError<E> {
    ConfirmError::PinMismatch {
        pin: "overwrite_if_match",
    }
}

impl<E: StoreError> Protocol<E> {
    /// Begins a confirm, and gives its first effect.
    pub fn start(confirm: Confirm) -> (Self, Effect) {
        let protocol = Self {
            confirm,
            copies_left: MAX_COPIES,
            copy_in_doubt: false,
            is_under_way: false,
            state: State::Draft,
        };
        (protocol, Effect::HeadDraft)
    }

    /// Takes the answer to the last effect.
    #[must_use]
    pub fn on(&mut self, answer: Answer<E>) -> Step<E> {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::BeforeDelete(draft_etag, kept), Answer::Head(draft)) => {
                self.on_before_delete(draft_etag, kept, draft)
            }
            (
                State::Outcome(_, Some(staged), _) | State::StagedProof(_, staged) | State::BeforeComplete(_, staged),
                Answer::Head(Err(error)),
            ) => self.unstage(staged, After::Finish(Err(ConfirmError::Store(error)))),
            (State::BeforeUndo(otherwise), Answer::Head(Err(error))) => {
                Step::Finish(Err(turns::not_undone(otherwise, ConfirmError::Store(error))))
            }
            (_, Answer::Head(Err(error))) => Step::Finish(Err(ConfirmError::Store(error))),
            (State::Draft, Answer::Head(Ok(draft))) => self.on_draft(draft),
            (State::Earlier(otherwise), Answer::Head(Ok(main))) => self.on_earlier(main, otherwise),
            (State::Main(draft), Answer::Head(Ok(main))) => self.on_main(draft, main),
            (State::Copy(copying), Answer::Copied(copied)) => self.on_copied(copying, None, copied),
            (State::Stage(copying), Answer::Staged(staged)) => self.on_staged(copying, staged),
            (State::StagedProof(copying, staged), Answer::Head(Ok(now))) => {
                self.on_staged_proof(copying, staged, now.as_ref())
            }
            (State::BeforeComplete(copying, staged), Answer::Head(Ok(main))) => {
                self.on_before_complete(copying, staged, main.as_ref())
            }
            (State::Complete(copying, staged), Answer::Copied(copied)) => self.on_copied(copying, Some(staged), copied),
            (State::Outcome(copying, staged, error), Answer::Head(Ok(main))) => {
                self.on_outcome(copying, staged, error, main)
            }
            (State::Unstage(after), Answer::Done) => self.on_unstaged(after),
            (State::ReadBack(draft), Answer::Head(Ok(main))) => self.on_read_back(draft, main, false),
            (State::Settlement(main, then), Answer::Head(Ok(settlement))) => {
                self.on_settlement(main, then, settlement.as_ref())
            }
            (State::Delete(kept), Answer::Done) => Step::Finish(Ok(kept)),
            (State::BeforeUndo(otherwise), Answer::Head(Ok(main))) => self.on_before_undo(otherwise, main.as_ref()),
            (State::Undo(otherwise), Answer::Undone(undone)) => Step::Finish(Err(match undone {
                Ok(()) => otherwise,
                // Another has replaced it: it is not ours to take back.
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => otherwise,
                Err(error) => turns::not_undone(otherwise, ConfirmError::Store(error)),
            })),
            (State::Undo(otherwise), Answer::TooLate) => {
                let left = ConfirmError::Unresolved(Unresolved::LeftUnsettled);
                Step::Finish(Err(turns::not_undone(otherwise, left)))
            }
            (
                _,
                Answer::Head(_)
                | Answer::Copied(_)
                | Answer::Staged(_)
                | Answer::Done
                | Answer::Undone(_)
                | Answer::TooLate,
            ) => Step::Finish(Err(ConfirmError::Contradiction(Contradiction::OutOfStep))),
        }
    }

    fn copy(&mut self, copying: Copying) -> Step<E> {
        self.copies_left = self.copies_left.saturating_sub(1);
        let draft = &copying.draft;
        let (draft_etag, attributes) = (draft.etag.clone(), self.marked(draft));
        let effect = if self.is_staged(draft) {
            let size = draft.size;
            self.state = State::Stage(copying);
            Effect::Stage {
                draft_etag,
                size,
                attributes,
            }
        } else {
            let main_etag = copying.main_etag.clone();
            self.state = State::Copy(copying);
            Effect::Copy {
                draft_etag,
                main_etag,
                attributes,
            }
        };
        if self.confirm.batch.is_some() && !self.is_under_way {
            self.is_under_way = true;
            Step::Ready(effect)
        } else {
            Step::Perform(effect)
        }
    }

    /// Whether it is copied part by part: what is too large for one copy, and everything where one copy could catch other
    /// bytes than were looked at. Nobody sees what is staged before it is known to be right.
    fn is_staged(&self, draft: &ObjectInfo) -> bool {
        draft.size > self.confirm.max_copy_bytes || !self.confirm.plan.copies_what_it_saw()
    }

    fn marked(&self, draft: &ObjectInfo) -> Attributes {
        let confirm = &self.confirm;
        let marker = marker::Marker {
            draft_key: &confirm.draft_key,
            draft_etag: &draft.etag,
            idempotency_key: confirm.idempotency_key.as_deref(),
            batch: confirm.batch,
        };
        marker.on(&draft.attributes)
    }

    fn look(&mut self, state: State<E>) -> Step<E> {
        self.state = state;
        Step::Perform(Effect::HeadMain)
    }

    fn look_at_draft(&mut self) -> Step<E> {
        self.state = State::Draft;
        Step::Perform(Effect::HeadDraft)
    }

    fn main_is_another(&self) -> ConfirmError<E> {
        match self.confirm.existing {
            Existing::Keep => ConfirmError::AlreadyExists,
            Existing::Replace(_) => main_changed(),
        }
    }

    /// Whether a confirm with the same idempotency key made it.
    fn has_our_key(&self, main: &ObjectInfo) -> bool {
        let key = self.confirm.idempotency_key.as_deref();
        key.is_some_and(|key| marker::bears_key(&main.attributes.metadata, key))
    }

    /// Whether it was made from this version of the draft.
    fn is_copy(&self, draft: &ObjectInfo, main: &ObjectInfo) -> bool {
        self.is_of_draft(main, Some(&draft.etag))
    }

    fn is_of_draft(&self, main: &ObjectInfo, draft_etag: Option<&ETag>) -> bool {
        marker::names(&main.attributes.metadata, &self.confirm.draft_key, draft_etag)
    }
}
