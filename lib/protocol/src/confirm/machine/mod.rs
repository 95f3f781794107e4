//! The rules of a confirm as a state machine: its input is an answer, its output the next effect or the end.
//!
//! Without errors, these are the effects. A test of the service counts them on the wire.
//!
//! - A store that honours every condition: `HeadDraft`, `Copy`, `HeadMain`. None can be omitted. The draft is left to be
//!   deleted after the answer.
//!   `HeadDraft` returns the version for the condition of the copy, and the values to compare with the pins. `Copy`
//!   fails if main is not empty. `HeadMain` is the proof: the answer to the copy has an `ETag` that may differ from the
//!   draft's, and neither size nor checksum.
//! - With `overwrite` or in an atomic batch, `HeadMain` comes before the copy too: for the version to be replaced, and
//!   for the object of a batch, which must not be replaced. An atomic batch puts its settlement before the deletes.
//! - If a copy ignores the condition on main, `HeadMain` comes before it. If a delete ignores its condition,
//!   `HeadDraft` and `DeleteDraft` follow the copy, or a unique draft is not deleted at all.
//! - If a copy could read another version of the draft than `HeadDraft` returned, or for a draft too large for one
//!   copy: `Stage` (the note, the begin, the parts), `HeadDraft` unless the parts have the condition, `HeadMain` unless
//!   the completion has it, `Complete` (after which the note is removed), then the effects after a copy.
//! - With checks, `Verdict` follows every `HeadDraft` before a copy that finds another version than the one accepted.
//! - A draft that no longer exists: `HeadMain`, and nothing is changed.
//! - A copy whose `ETag` shows that it is of another version of the draft: `UndoSwap`, and everything again.
//!
//! Lookups are not concurrent, although that would save a round trip where main is looked up first. The later a lookup,
//! the less can happen between it and the change that depends on it.

mod look;
mod outcome;
mod removal;
mod staged;
mod swap;
mod turns;
mod verdict;

pub(crate) use self::swap::{HELD_FOR, may_undo_swap};
use draftstore_storage::{Attributes, ETag, ErrorKind, MediaType, ObjectInfo, StagedCopy, VersionId};

use super::agreement::Agreement;
use super::effect::{Answer, Effect, Kept, Step};
use super::error::{ConfirmError, Contradiction, Unresolved};
use super::marker::{KeyUse, MarkerDigests};
use super::request::{Confirm, Existing};
use crate::StoreError;

/// The maximum number of copies before the caller must repeat the confirm.
const MAX_COPIES: u8 = 3;

/// One confirm in progress. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about what has happened")]
pub struct Protocol<E> {
    confirm: Confirm,
    copies_left: u8,
    /// Set if the answer to a copy was lost, so that the copy may have succeeded.
    copy_in_doubt: bool,
    /// Set if the last copy was to replace an object.
    replaces: bool,
    /// Set after a copy of another version of the draft was found. The next copies are compared before they are visible.
    has_seen_swap: bool,
    /// Set in a batch after the turn that allows changes.
    is_under_way: bool,
    /// The draft that the checks have accepted, with the media type that they found.
    accepted: Option<(ObjectInfo, Option<MediaType>)>,
    state: State<E>,
}

/// The answer that the protocol waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State<E> {
    /// The lookup of the draft.
    Draft,
    /// The verdict on this draft.
    Verdict(ObjectInfo),
    /// The lookup of main, to learn if an earlier confirm kept this draft, which is not accepted now. If not, the confirm
    /// ends with this error.
    Unaccepted(ObjectInfo, ConfirmError<E>),
    /// The lookup of main, to learn if an earlier confirm kept the draft. If not, the confirm ends with this error.
    Earlier(ConfirmError<E>),
    /// The lookup of main, before the copy of this draft.
    Main(ObjectInfo),
    /// The copy of this draft.
    Copy(Copying),
    /// The parts of a copy of this draft.
    Stage(Copying),
    /// The lookup of the draft, to learn if the staged copy is of the same version.
    StagedProof(Copying, StagedCopy),
    /// The lookup of main, before the staged copy is completed.
    BeforeComplete(Copying, StagedCopy),
    /// The completion of a staged copy.
    Complete(Copying, StagedCopy),
    /// The lookup of main, to learn the outcome of a copy that ended in this error.
    Outcome(Copying, Option<StagedCopy>, E),
    /// The abort of a staged copy that did not succeed.
    Unstage(After<E>),
    /// The lookup of main, to compare it with this draft.
    ReadBack(Copying),
    /// The lookup of the settlement of the batch that made this object.
    Settlement(ObjectInfo, Then),
    /// The next turn of a batch: remove the draft of this version, or undo the copy.
    Held(ETag, Kept),
    /// The lookup of the draft, before this version is deleted.
    BeforeDelete(ETag, Kept),
    /// The deletion of the draft.
    Delete(Kept),
    /// In a batch: the lookup of main, to learn if it has the object of this confirm. If not, the confirm ends with
    /// this error.
    BeforeUndo(ConfirmError<E>),
    /// The deletion of the object in main.
    Undo(ConfirmError<E>),
    /// The deletion of a copy of another version of the draft.
    UndoSwap,
    /// No answer: the confirm has ended.
    Over,
}

/// The step after a staged copy was aborted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum After<E> {
    Finish(Result<Kept, ConfirmError<E>>),
    ReadBack(Box<Seen>),
    Replay(ObjectInfo),
    LookAtDraft,
    CopyAgain(Copying),
}

/// A draft, and the object that was found in main for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Seen {
    draft: ObjectInfo,
    main: ObjectInfo,
    /// Set if an earlier confirm made the object.
    replayed: bool,
    /// The ID of the version that this confirm replaced.
    replaced: Option<VersionId>,
}

/// The step after an object of an earlier confirm is known to stay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Then {
    Answer,
    Hold(ETag),
    /// An object that may be undone is never replaced: the undo is conditional on the `ETag`, which an object of the
    /// same bytes shares.
    CopyOver(Box<ObjectInfo>),
}

/// A draft to be copied to a place in main that is empty, or has this version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Copying {
    draft: ObjectInfo,
    main_etag: Option<ETag>,
    /// The ID of the version that is there, if main has versions.
    replaced: Option<VersionId>,
}

impl Copying {
    fn to_free(draft: ObjectInfo) -> Self {
        Self {
            draft,
            main_etag: None,
            replaced: None,
        }
    }
}

impl<E: StoreError> Protocol<E> {
    /// Starts a confirm, and returns its first effect.
    pub fn start(confirm: Confirm) -> (Self, Effect) {
        let protocol = Self {
            confirm,
            copies_left: MAX_COPIES,
            copy_in_doubt: false,
            replaces: false,
            has_seen_swap: false,
            is_under_way: false,
            accepted: None,
            state: State::Draft,
        };
        (protocol, Effect::HeadDraft)
    }

    /// Handles the answer to the last effect.
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
            (State::Verdict(draft), Answer::Verdict(verdict)) => self.on_verdict(draft, verdict),
            (State::Unaccepted(draft, otherwise), Answer::Head(Ok(main))) => self.on_unaccepted(draft, otherwise, main),
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
            (State::ReadBack(copying), Answer::Head(Ok(Some(main)))) => self.on_read_back(Seen {
                draft: copying.draft,
                main,
                replayed: false,
                replaced: copying.replaced,
            }),
            (State::ReadBack(_), Answer::Head(Ok(None))) => Step::Finish(Err(ConfirmError::Changed)),
            (State::Settlement(main, then), Answer::Head(Ok(settlement))) => {
                self.on_settlement(main, then, settlement.as_ref())
            }
            (State::Delete(kept), Answer::Done) => Step::Finish(Ok(kept)),
            (State::BeforeUndo(otherwise), Answer::Head(Ok(main))) => self.on_before_undo(otherwise, main.as_ref()),
            (State::Undo(otherwise), Answer::Undone(undone)) => Step::Finish(Err(match undone {
                Ok(()) => otherwise,
                // The object was replaced by another caller, and is not ours to undo.
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => otherwise,
                Err(error) => turns::not_undone(otherwise, ConfirmError::Store(error)),
            })),
            (State::UndoSwap, Answer::Undone(undone)) => self.on_swap_undone(undone),
            (State::UndoSwap, Answer::TooLate) => Step::Finish(Err(ConfirmError::Unresolved(Unresolved::Swapped))),
            (State::Undo(otherwise), Answer::TooLate) => {
                let left = ConfirmError::Unresolved(Unresolved::LeftUnsettled);
                Step::Finish(Err(turns::not_undone(otherwise, left)))
            }
            (
                _,
                Answer::Head(_)
                | Answer::Verdict(_)
                | Answer::Copied(_)
                | Answer::Staged(_)
                | Answer::Done
                | Answer::Undone(_)
                | Answer::TooLate,
            ) => Step::Finish(Err(ConfirmError::Contradiction(Contradiction::OutOfStep))),
        }
    }

    fn copy(&mut self, copying: Copying) -> Step<E> {
        if !self.is_accepted(&copying.draft) {
            return Step::Finish(Err(ConfirmError::Contradiction(Contradiction::NotAccepted)));
        }
        self.copies_left = self.copies_left.saturating_sub(1);
        self.replaces = copying.main_etag.is_some();
        let draft = &copying.draft;
        let (draft_etag, attributes) = (draft.etag.clone(), self.marked(draft));
        if !attributes.options.tags_fit() {
            return Step::Finish(Err(ConfirmError::TooManyTags));
        }
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

    /// Returns true if the draft is copied part by part. That is the case for drafts too large for one copy, and for
    /// all drafts if a copy could read another version than was looked up. A staged copy is invisible until it is
    /// verified.
    fn is_staged(&self, draft: &ObjectInfo) -> bool {
        let Confirm {
            plan, max_copy_bytes, ..
        } = &self.confirm;
        draft.size > *max_copy_bytes || !plan.copies_what_it_saw() || self.has_seen_swap && plan.can_stage()
    }

    fn marked(&self, draft: &ObjectInfo) -> Attributes {
        let confirm = &self.confirm;
        let mut kept = Agreement::of(&draft.attributes).kept;
        if let Some((_, Some(found))) = &self.accepted {
            kept.content_type = Some(found.clone());
        }
        kept.headers.extend(&confirm.headers);
        kept.options.extend(&confirm.options);
        kept.options.tags.extend(confirm.tags.clone());
        // What was agreed on when the URL was issued may have ended since. Stores refuse a retention of the past.
        kept.options.retention = kept.options.retention.filter(|retention| retention.until > confirm.now);
        let Confirm { batch, origin, .. } = confirm;
        confirm.digests.mark(kept, draft, *batch, origin)
    }

    fn look(&mut self, state: State<E>) -> Step<E> {
        self.state = state;
        Step::Perform(Effect::HeadMain)
    }

    fn look_at_draft(&mut self) -> Step<E> {
        self.state = State::Draft;
        Step::Perform(Effect::HeadDraft)
    }

    /// Returns the error of a confirm that finds another object in main than it may replace or has made.
    fn main_is_another(&self) -> ConfirmError<E> {
        match self.confirm.existing {
            Existing::Keep => ConfirmError::AlreadyExists,
            Existing::Replace(Some(_)) => ConfirmError::PinMismatch {
                pin: "overwrite_if_match",
            },
            Existing::Replace(None) => ConfirmError::Changed,
        }
    }

    /// Returns the use that an object made of the confirm's idempotency key.
    fn key_use(&self, main: &ObjectInfo) -> KeyUse {
        let uses = self.digests().map(|digests| digests.key_use(&main.attributes.metadata));
        uses.filter(|used| *used != KeyUse::None).last().unwrap_or(KeyUse::None)
    }

    /// Returns the pin that the object of the same request does not match, if any.
    fn broken_by_replay(&self, main: &ObjectInfo) -> Option<&'static str> {
        let pins = &self.confirm.pins;
        let other_version = !self.is_of_draft(main, pins.if_match.as_ref());
        other_version
            .then_some("if_match")
            .or_else(|| pins.broken_by_copy(main))
    }

    /// Returns true if the object was made from this version of the draft.
    fn is_copy(&self, draft: &ObjectInfo, main: &ObjectInfo) -> bool {
        self.is_of_draft(main, Some(&draft.etag))
    }

    fn is_of_draft(&self, main: &ObjectInfo, draft_etag: Option<&ETag>) -> bool {
        self.digests()
            .any(|digests| digests.match_draft(&main.attributes.metadata, draft_etag))
    }

    fn digests(&self) -> impl Iterator<Item = &MarkerDigests> {
        std::iter::once(&self.confirm.digests).chain(&self.confirm.former_digests)
    }
}
