//! The rules of a confirm as a state machine: an answer goes in, the next effect or the end comes out. No I/O, no clock.

use draftstore_storage as storage;
use draftstore_storage::{Attributes, ETag, ErrorKind, ObjectInfo, StagedCopy};

use super::effect::{Answer, Confirm, Effect, Existing, Kept, Step, Turn};
use super::marker;
use super::plan::Removal;
use crate::{Error, Missing};

/// How often a copy is tried, at most, before the caller is told to come back.
const MAX_COPIES: u8 = 3;

/// One confirm under way.
#[derive(Debug)]
pub(crate) struct Protocol {
    confirm: Confirm,
    copies_left: u8,
    /// Whether an answer was lost to a copy that may have succeeded.
    copy_in_doubt: bool,
    /// In a batch: whether it was told to go on and change something.
    is_under_way: bool,
    state: State,
}

/// What the protocol waits for.
#[derive(Debug)]
enum State {
    /// The draft.
    Draft,
    /// Main, to learn whether an earlier confirm took the draft that is not there; else it ends with this error.
    Earlier(Error),
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
    Outcome(Copying, Option<StagedCopy>, storage::Error),
    /// The end of a staged copy that did not succeed.
    Unstage(After),
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
    BeforeUndo(Error),
    /// The delete in main.
    Undo(Error),
    /// Nothing: it has ended.
    Over,
}

/// What to do when a staged copy is gone.
#[derive(Debug)]
enum After {
    Finish(Result<Kept, Error>),
    ReadBack(Box<Seen>),
    Replay(ObjectInfo),
    LookAtDraft,
    CopyAgain(Copying),
}

/// A draft, and what main was seen to hold of it.
#[derive(Debug)]
struct Seen {
    draft: ObjectInfo,
    main: ObjectInfo,
    /// Whether an earlier confirm had put it there.
    replayed: bool,
}

/// What to do when it is sure that what an earlier confirm made stays.
#[derive(Debug)]
enum Then {
    Answer,
    Hold(ETag),
    /// What may be taken back is not replaced either: taking back goes by the `ETag`, which an object of the same bytes
    /// shares.
    CopyOver(Box<ObjectInfo>),
}

/// A draft on its way to a place that is empty, or holds this version.
#[derive(Debug)]
struct Copying {
    draft: ObjectInfo,
    main_etag: Option<ETag>,
}

/// Main does not hold the version that was to be replaced.
const MAIN_CHANGED: Error = Error::PinMismatch {
    pin: "overwrite_if_match",
};

/// The driver gave an answer to an effect that was not asked for: a bug.
#[derive(Debug, thiserror::Error)]
#[error("the confirm protocol got an answer that it did not wait for")]
struct OutOfStep;

/// Main holds something else than what was just copied there.
#[derive(Debug, thiserror::Error)]
#[error("the object in main is not the draft that was copied: size or checksum differ")]
struct CopyDiffers;

/// Main holds nothing where something was just copied.
#[derive(Debug, thiserror::Error)]
#[error("the object that was copied to main is not there")]
struct CopyIsGone;

/// Another confirm may still take back what it put into main.
#[derive(Debug, thiserror::Error)]
#[error("an atomic batch is confirming this draft, and may take it back")]
struct HeldByBatch;

/// The batch may neither remove its drafts nor take anything back.
#[derive(Debug, thiserror::Error)]
#[error("the atomic batch could not be settled: a repeat completes it")]
struct LeftUnsettled;

/// The draft did not hold still.
#[derive(Debug, thiserror::Error)]
#[error("the draft was uploaded again during each attempt to copy it")]
struct NeverStill;

impl Protocol {
    /// Begins a confirm.
    pub(crate) fn start(confirm: Confirm) -> (Self, Effect) {
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
    pub(crate) fn on(&mut self, answer: Answer) -> Step {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::BeforeDelete(draft_etag, kept), Answer::Head(draft)) => {
                self.on_before_delete(draft_etag, kept, draft)
            }
            (
                State::Outcome(_, Some(staged), _) | State::StagedProof(_, staged) | State::BeforeComplete(_, staged),
                Answer::Head(Err(error)),
            ) => self.unstage(staged, After::Finish(Err(error.into()))),
            (State::BeforeUndo(otherwise), Answer::Head(Err(error))) => {
                Step::Finish(Err(not_undone(otherwise, error.into())))
            }
            (_, Answer::Head(Err(error))) => Step::Finish(Err(error.into())),
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
                Err(error) if error.kind == ErrorKind::PreconditionFailed => otherwise,
                Err(error) => not_undone(otherwise, error.into()),
            })),
            (State::Undo(otherwise), Answer::TooLate) => {
                let left = Error::StoreUnavailable(Box::new(LeftUnsettled));
                Step::Finish(Err(not_undone(otherwise, left)))
            }
            (
                _,
                Answer::Head(_)
                | Answer::Copied(_)
                | Answer::Staged(_)
                | Answer::Done
                | Answer::Undone(_)
                | Answer::TooLate,
            ) => Step::Finish(Err(Error::Internal(Box::new(OutOfStep)))),
        }
    }

    /// In a batch: takes its turn from where it paused.
    pub(crate) fn turn(&mut self, turn: Turn, step: &mut Step) {
        *step = match (turn, std::mem::replace(step, Step::Held)) {
            (Turn::Copy, Step::Ready(effect)) => Step::Perform(effect),
            (Turn::Settle | Turn::Undo | Turn::Leave, Step::Ready(_)) => Step::Finish(Err(Error::RolledBack)),
            (Turn::Leave, Step::Held) => Step::Finish(Err(Error::StoreUnavailable(Box::new(LeftUnsettled)))),
            (Turn::Settle, Step::Held) => self.settle(),
            (Turn::Undo, Step::Held) => self.undo(),
            // A copy whose answer was lost, or that could not be read back, may be in main.
            (Turn::Undo, Step::Finish(Err(error))) if self.is_under_way => self.look(State::BeforeUndo(error)),
            (_, step) => step,
        };
    }

    /// All others are held too, so it may end.
    fn settle(&mut self) -> Step {
        match self.held() {
            Ok((draft_etag, kept)) => self.remove(draft_etag, kept),
            Err(out_of_step) => Step::Finish(Err(out_of_step)),
        }
    }

    /// Another failed, so what this one made is taken back. What an earlier confirm had made stays.
    fn undo(&mut self) -> Step {
        match self.held() {
            Ok((_, kept)) if kept.replayed => Step::Finish(Ok(kept)),
            Ok(_) => self.look(State::BeforeUndo(Error::RolledBack)),
            Err(out_of_step) => Step::Finish(Err(out_of_step)),
        }
    }

    fn held(&mut self) -> Result<(ETag, Kept), Error> {
        if let State::Held(draft_etag, kept) = std::mem::replace(&mut self.state, State::Over) {
            Ok((draft_etag, kept))
        } else {
            Err(Error::Internal(Box::new(OutOfStep)))
        }
    }

    fn on_before_undo(&mut self, otherwise: Error, main: Option<&ObjectInfo>) -> Step {
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

    fn on_draft(&mut self, draft: Option<ObjectInfo>) -> Step {
        let Some(draft) = draft else {
            return self.look(State::Earlier(Error::NotFound(Missing::Draft)));
        };
        if let Some(pin) = self.confirm.pins.broken_by_draft(&draft) {
            return self.look(State::Earlier(Error::PinMismatch { pin }));
        }
        let keeps = matches!(self.confirm.existing, Existing::Keep) && self.confirm.batch.is_none();
        if keeps && self.confirm.plan.keeps_existing() && !self.is_staged(&draft) {
            // The copy itself finds out whether main is empty.
            return self.copy(Copying { draft, main_etag: None });
        }
        self.look(State::Main(draft))
    }

    fn on_earlier(&mut self, main: Option<ObjectInfo>, otherwise: Error) -> Step {
        let pins = &self.confirm.pins;
        let made_by_this = |main: &ObjectInfo| {
            let named = self.is_of_draft(main, pins.if_match.as_ref());
            named && pins.broken_by(main).is_none() || self.has_our_key(main)
        };
        match main.filter(made_by_this) {
            Some(main) => self.replay(main, Then::Answer),
            None => Step::Finish(Err(otherwise)),
        }
    }

    fn on_main(&mut self, draft: ObjectInfo, main: Option<ObjectInfo>) -> Step {
        let main = match main {
            Some(main) if self.is_copy(&draft, &main) => return self.on_read_back(draft, Some(main), true),
            Some(main) if self.has_our_key(&main) => return self.replay(main, Then::Answer),
            main => main,
        };
        match (main, &self.confirm.existing) {
            (None, Existing::Keep | Existing::Replace(None)) => self.copy(Copying { draft, main_etag: None }),
            (Some(_), Existing::Keep) => Step::Finish(Err(Error::AlreadyExists)),
            (Some(main), Existing::Replace(expected)) if expected.as_ref().is_none_or(|etag| *etag == main.etag) => {
                self.replay(main, Then::CopyOver(Box::new(draft)))
            }
            (_, Existing::Replace(_)) => Step::Finish(Err(MAIN_CHANGED)),
        }
    }

    fn on_staged(&mut self, copying: Copying, staged: Result<StagedCopy, storage::Error>) -> Step {
        match staged {
            Ok(staged) if self.confirm.plan.stages_what_it_saw() => self.before_complete(copying, staged),
            Ok(staged) => {
                self.state = State::StagedProof(copying, staged);
                Step::Perform(Effect::HeadDraft)
            }
            Err(error) => match error.kind {
                ErrorKind::PreconditionFailed | ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Unavailable
                    if self.copies_left > 0 =>
                {
                    self.look_at_draft()
                }
                ErrorKind::PreconditionFailed | ErrorKind::NotFound => {
                    Step::Finish(Err(Error::StoreUnavailable(Box::new(NeverStill))))
                }
                ErrorKind::Conflict
                | ErrorKind::Unavailable
                | ErrorKind::BucketNotFound
                | ErrorKind::TooLarge
                | ErrorKind::CredentialsRefused
                | ErrorKind::Unsupported
                | ErrorKind::Unexpected => Step::Finish(Err(error.into())),
            },
        }
    }

    /// Nobody sees what was staged, so this is the time to find out.
    fn on_staged_proof(&mut self, copying: Copying, staged: StagedCopy, now: Option<&ObjectInfo>) -> Step {
        let same =
            |now: &ObjectInfo| now.etag == copying.draft.etag && now.last_modified == copying.draft.last_modified;
        if now.is_some_and(same) {
            self.before_complete(copying, staged)
        } else if self.copies_left == 0 {
            self.unstage(
                staged,
                After::Finish(Err(Error::StoreUnavailable(Box::new(NeverStill)))),
            )
        } else {
            self.unstage(staged, After::LookAtDraft)
        }
    }

    fn before_complete(&mut self, copying: Copying, staged: StagedCopy) -> Step {
        if self.confirm.plan.keeps_existing_staged() {
            self.complete(copying, staged)
        } else {
            self.look(State::BeforeComplete(copying, staged))
        }
    }

    fn on_before_complete(&mut self, copying: Copying, staged: StagedCopy, main: Option<&ObjectInfo>) -> Step {
        if main.map(|main| &main.etag) == copying.main_etag.as_ref() {
            self.complete(copying, staged)
        } else {
            self.unstage(staged, After::LookAtDraft)
        }
    }

    fn complete(&mut self, copying: Copying, staged: StagedCopy) -> Step {
        let main_etag = copying.main_etag.clone();
        self.state = State::Complete(copying, staged.clone());
        Step::Perform(Effect::Complete { staged, main_etag })
    }

    fn on_copied(
        &mut self,
        copying: Copying,
        staged: Option<StagedCopy>,
        copied: Result<ETag, storage::Error>,
    ) -> Step {
        let Err(error) = copied else {
            return self.look(State::ReadBack(copying.draft));
        };
        match error.kind {
            ErrorKind::PreconditionFailed | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::NotFound => {
                self.copy_in_doubt |= error.kind == ErrorKind::Unavailable;
                self.look(State::Outcome(copying, staged, error))
            }
            ErrorKind::BucketNotFound
            | ErrorKind::TooLarge
            | ErrorKind::CredentialsRefused
            | ErrorKind::Unsupported
            | ErrorKind::Unexpected => self.give_up(staged, After::Finish(Err(error.into()))),
        }
    }

    fn on_outcome(
        &mut self,
        copying: Copying,
        staged: Option<StagedCopy>,
        error: storage::Error,
        main: Option<ObjectInfo>,
    ) -> Step {
        let unchanged = main.as_ref().map(|main| &main.etag) == copying.main_etag.as_ref();
        match main {
            Some(main) if self.is_copy(&copying.draft, &main) => {
                let (draft, replayed) = (copying.draft, !self.copy_in_doubt);
                self.give_up(staged, After::ReadBack(Box::new(Seen { draft, main, replayed })))
            }
            Some(main) if self.has_our_key(&main) => self.give_up(staged, After::Replay(main)),
            _ if !unchanged => {
                let refused = self.main_is_another();
                self.give_up(staged, After::Finish(Err(refused)))
            }
            _ if self.copies_left == 0 => {
                self.give_up(staged, After::Finish(Err(Error::StoreUnavailable(Box::new(error)))))
            }
            _ if matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::NotFound) => {
                self.give_up(staged, After::LookAtDraft)
            }
            _ => self.give_up(staged, After::CopyAgain(copying)),
        }
    }

    /// A copy that did not succeed leaves nothing behind.
    fn give_up(&mut self, staged: Option<StagedCopy>, after: After) -> Step {
        match staged {
            Some(staged) => self.unstage(staged, after),
            None => self.on_unstaged(after),
        }
    }

    fn unstage(&mut self, staged: StagedCopy, after: After) -> Step {
        self.state = State::Unstage(after);
        Step::Perform(Effect::Unstage { staged })
    }

    fn on_unstaged(&mut self, after: After) -> Step {
        match after {
            After::Finish(result) => Step::Finish(result),
            After::ReadBack(seen) => self.on_read_back(seen.draft, Some(seen.main), seen.replayed),
            After::Replay(main) => self.replay(main, Then::Answer),
            After::LookAtDraft => self.look_at_draft(),
            After::CopyAgain(copying) => self.copy(copying),
        }
    }

    fn on_read_back(&mut self, draft: ObjectInfo, main: Option<ObjectInfo>, replayed: bool) -> Step {
        let main = match main {
            Some(main) if self.is_copy(&draft, &main) => main,
            Some(_) => return Step::Finish(Err(self.main_is_another())),
            None => return Step::Finish(Err(Error::Internal(Box::new(CopyIsGone)))),
        };
        if !is_whole(&draft, &main) {
            return Step::Finish(Err(Error::Internal(Box::new(CopyDiffers))));
        }
        // Where an answer was lost, another may have been faster; a batch takes back only what bears its own mark.
        let of_batch = marker::batch_of(&main.attributes.metadata);
        if replayed || of_batch != self.confirm.batch {
            return self.replay(main, Then::Hold(draft.etag));
        }
        self.hold(draft.etag, Kept { main, replayed })
    }

    /// Goes on by what an earlier confirm made, unless that was a batch's, which may take it back until it has settled.
    fn replay(&mut self, main: ObjectInfo, then: Then) -> Step {
        let confirm = &self.confirm;
        match marker::held_by(&main.attributes.metadata, confirm.batch, confirm.now) {
            Some(batch) => {
                self.state = State::Settlement(main, then);
                Step::Perform(Effect::HeadSettlement { batch })
            }
            None => self.go_on(main, then),
        }
    }

    fn on_settlement(&mut self, main: ObjectInfo, then: Then, settlement: Option<&ObjectInfo>) -> Step {
        match settlement {
            Some(_) => self.go_on(main, then),
            None => Step::Finish(Err(Error::StoreUnavailable(Box::new(HeldByBatch)))),
        }
    }

    fn go_on(&mut self, main: ObjectInfo, then: Then) -> Step {
        let replayed = true;
        match then {
            Then::Answer => Step::Finish(Ok(Kept { main, replayed })),
            Then::Hold(draft_etag) => self.hold(draft_etag, Kept { main, replayed }),
            Then::CopyOver(draft) => self.copy(Copying {
                draft: *draft,
                main_etag: Some(main.etag),
            }),
        }
    }

    fn hold(&mut self, draft_etag: ETag, kept: Kept) -> Step {
        if self.confirm.batch.is_some() {
            self.state = State::Held(draft_etag, kept);
            Step::Held
        } else {
            self.remove(draft_etag, kept)
        }
    }

    fn remove(&mut self, draft_etag: ETag, kept: Kept) -> Step {
        match self.confirm.plan.removal() {
            Removal::IfUnchanged => {
                self.state = State::Delete(kept);
                Step::Perform(Effect::DeleteDraft { draft_etag })
            }
            Removal::LookFirst => {
                self.state = State::BeforeDelete(draft_etag, kept);
                Step::Perform(Effect::HeadDraft)
            }
            Removal::LeftToSweep => Step::Finish(Ok(kept)),
        }
    }

    /// Whatever the look shows, main holds the object: this fails no confirm.
    fn on_before_delete(
        &mut self,
        draft_etag: ETag,
        kept: Kept,
        draft: Result<Option<ObjectInfo>, storage::Error>,
    ) -> Step {
        match draft {
            Ok(Some(draft)) if draft.etag == draft_etag => {
                self.state = State::Delete(kept);
                Step::Perform(Effect::DeleteDraft { draft_etag })
            }
            Ok(_) | Err(_) => Step::Finish(Ok(kept)),
        }
    }

    fn copy(&mut self, copying: Copying) -> Step {
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

    fn look(&mut self, state: State) -> Step {
        self.state = state;
        Step::Perform(Effect::HeadMain)
    }

    fn look_at_draft(&mut self) -> Step {
        self.state = State::Draft;
        Step::Perform(Effect::HeadDraft)
    }

    fn main_is_another(&self) -> Error {
        match self.confirm.existing {
            Existing::Keep => Error::AlreadyExists,
            Existing::Replace(_) => MAIN_CHANGED,
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

/// What to say where a copy could not be taken back: a confirm that failed says why it did.
fn not_undone(otherwise: Error, because: Error) -> Error {
    if matches!(otherwise, Error::RolledBack) {
        because
    } else {
        otherwise
    }
}

/// Whether size, and checksum where both have one, are the draft's.
fn is_whole(draft: &ObjectInfo, main: &ObjectInfo) -> bool {
    let same_checksum = match (draft.checksum_sha256, main.checksum_sha256) {
        (Some(draft), Some(main)) => draft == main,
        (None, _) | (_, None) => true,
    };
    main.size == draft.size && same_checksum
}
