//! The rules of a confirm as a state machine: an answer goes in, the next effect or the end comes out. No I/O, no clock.

use draftstore_storage as storage;
use draftstore_storage::{Attributes, ETag, ErrorKind, ObjectInfo, ObjectKey};

use super::marker;
use crate::{Error, Missing};

/// How often a copy is tried, at most, before the caller is told to come back.
const MAX_COPIES: u8 = 3;

/// The largest object that one copy can carry: 5 GiB.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
const MAX_COPY_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// What the protocol wants done.
#[derive(Debug)]
pub(super) enum Effect {
    /// Look at the draft.
    HeadDraft,
    /// Look at what main holds under the name.
    HeadMain,
    /// Copy this version of the draft to main, if it still is that version and main is empty.
    Copy { draft_etag: ETag, attributes: Attributes },
    /// Delete this version of the draft.
    DeleteDraft { draft_etag: ETag },
}

/// What came of an effect.
#[derive(Debug)]
pub(super) enum Answer {
    /// To a HEAD: the object, if there is one.
    Head(Result<Option<ObjectInfo>, storage::Error>),
    /// To a copy.
    Copied(Result<ETag, storage::Error>),
    /// To a delete, whatever came of it: it never fails a confirm.
    Deleted,
}

/// What follows from an answer.
#[derive(Debug)]
pub(super) enum Step {
    /// Do this and say what came of it.
    Perform(Effect),
    /// The end: what main holds, or why it does not.
    Finish(Result<ObjectInfo, Error>),
}

/// One confirm under way.
#[derive(Debug)]
pub(super) struct Protocol {
    draft_key: ObjectKey,
    if_match: Option<ETag>,
    copies_left: u8,
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
    Copy(ObjectInfo),
    /// Main, to learn what became of a copy of this draft that ended in this error.
    Outcome(ObjectInfo, storage::Error),
    /// Main, to compare it with this draft.
    ReadBack(ObjectInfo),
    /// The delete of the draft, with what main holds.
    Delete(ObjectInfo),
    /// Nothing: it has ended.
    Over,
}

/// The driver gave an answer to an effect that was not asked for: a bug.
#[derive(Debug, thiserror::Error)]
#[error("the confirm protocol got an answer that it did not wait for")]
struct OutOfStep;

/// Main holds something else than what was just copied there.
#[derive(Debug, thiserror::Error)]
#[error("the object in main is not the draft that was copied: size or checksum differ")]
struct CopyDiffers;

impl Protocol {
    /// Begins a confirm of the draft with this key, in this version if one is pinned.
    pub(super) fn start(draft_key: ObjectKey, if_match: Option<ETag>) -> (Self, Effect) {
        let protocol = Self {
            draft_key,
            if_match,
            copies_left: MAX_COPIES,
            state: State::Draft,
        };
        (protocol, Effect::HeadDraft)
    }

    /// Takes the answer to the last effect.
    pub(super) fn on(&mut self, answer: Answer) -> Step {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (_, Answer::Head(Err(error))) => Step::Finish(Err(error.into())),
            (State::Draft, Answer::Head(Ok(draft))) => self.on_draft(draft),
            (State::Earlier(otherwise), Answer::Head(Ok(main))) => self.on_earlier(main, otherwise),
            (State::Main(draft), Answer::Head(Ok(main))) => self.on_main(draft, main),
            (State::Copy(draft), Answer::Copied(copied)) => self.on_copied(draft, copied),
            (State::Outcome(draft, error), Answer::Head(Ok(main))) => self.on_outcome(draft, error, main),
            (State::ReadBack(draft), Answer::Head(Ok(main))) => self.on_read_back(&draft, main),
            (State::Delete(main), Answer::Deleted) => Step::Finish(Ok(main)),
            (_, Answer::Head(_) | Answer::Copied(_) | Answer::Deleted) => {
                Step::Finish(Err(Error::Internal(Box::new(OutOfStep))))
            }
        }
    }

    fn on_draft(&mut self, draft: Option<ObjectInfo>) -> Step {
        let Some(draft) = draft else {
            return self.look(State::Earlier(Error::NotFound(Missing::Draft)));
        };
        if self.if_match.as_ref().is_some_and(|pin| *pin != draft.etag) {
            return self.look(State::Earlier(Error::PinMismatch { pin: "if_match" }));
        }
        if draft.size > MAX_COPY_BYTES {
            return Step::Finish(Err(Error::TooLarge {
                field: "object_name",
                limit: MAX_COPY_BYTES,
            }));
        }
        self.look(State::Main(draft))
    }

    fn on_earlier(&self, main: Option<ObjectInfo>, otherwise: Error) -> Step {
        let ours =
            |main: &ObjectInfo| marker::names(&main.attributes.metadata, &self.draft_key, self.if_match.as_ref());
        Step::Finish(main.filter(ours).ok_or(otherwise))
    }

    fn on_main(&mut self, draft: ObjectInfo, main: Option<ObjectInfo>) -> Step {
        match main {
            None => self.copy(draft),
            Some(main) if self.is_copy(&draft, &main) => self.on_read_back(&draft, Some(main)),
            Some(_) => Step::Finish(Err(Error::AlreadyExists)),
        }
    }

    fn on_copied(&mut self, draft: ObjectInfo, copied: Result<ETag, storage::Error>) -> Step {
        match copied {
            Ok(_) => self.look(State::ReadBack(draft)),
            Err(error) => match error.kind {
                ErrorKind::PreconditionFailed | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::NotFound => {
                    self.look(State::Outcome(draft, error))
                }
                ErrorKind::BucketNotFound
                | ErrorKind::TooLarge
                | ErrorKind::CredentialsRefused
                | ErrorKind::Unsupported
                | ErrorKind::Unexpected => Step::Finish(Err(error.into())),
            },
        }
    }

    fn on_outcome(&mut self, draft: ObjectInfo, error: storage::Error, main: Option<ObjectInfo>) -> Step {
        match main {
            Some(main) if self.is_copy(&draft, &main) => self.on_read_back(&draft, Some(main)),
            Some(_) => Step::Finish(Err(Error::AlreadyExists)),
            None if self.copies_left == 0 => Step::Finish(Err(Error::StoreUnavailable(error))),
            None if matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::NotFound) => {
                self.state = State::Draft;
                Step::Perform(Effect::HeadDraft)
            }
            None => self.copy(draft),
        }
    }

    fn on_read_back(&mut self, draft: &ObjectInfo, main: Option<ObjectInfo>) -> Step {
        let same_checksum = |main: &ObjectInfo| match (draft.checksum_sha256, main.checksum_sha256) {
            (Some(draft), Some(main)) => draft == main,
            (None, _) | (_, None) => true,
        };
        let same = |main: &ObjectInfo| self.is_copy(draft, main) && main.size == draft.size && same_checksum(main);
        match main.filter(same) {
            Some(main) => {
                self.state = State::Delete(main);
                let draft_etag = draft.etag.clone();
                Step::Perform(Effect::DeleteDraft { draft_etag })
            }
            None => Step::Finish(Err(Error::Internal(Box::new(CopyDiffers)))),
        }
    }

    fn copy(&mut self, draft: ObjectInfo) -> Step {
        self.copies_left = self.copies_left.saturating_sub(1);
        let copy = Effect::Copy {
            draft_etag: draft.etag.clone(),
            attributes: marker::mark(&draft.attributes, &self.draft_key, &draft.etag),
        };
        self.state = State::Copy(draft);
        Step::Perform(copy)
    }

    fn look(&mut self, state: State) -> Step {
        self.state = state;
        Step::Perform(Effect::HeadMain)
    }

    fn is_copy(&self, draft: &ObjectInfo, main: &ObjectInfo) -> bool {
        marker::names(&main.attributes.metadata, &self.draft_key, Some(&draft.etag))
    }
}
