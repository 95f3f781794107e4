//! The rules of a confirm as a state machine: an answer goes in, the next effect or the end comes out. No I/O, no clock.

use draftstore_storage as storage;
use draftstore_storage::{Attributes, ETag, ErrorKind, ObjectInfo, ObjectKey, Sha256};

use super::marker;
use crate::{Error, Missing};

/// How often a copy is tried, at most, before the caller is told to come back.
const MAX_COPIES: u8 = 3;

/// The largest object that one copy can carry: 5 GiB.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
const MAX_COPY_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// What a confirm insists on.
#[derive(Debug, Clone, Default)]
pub(super) struct Pins {
    /// The draft's version.
    pub(super) if_match: Option<ETag>,
    /// The draft's size in bytes.
    pub(super) content_length: Option<u64>,
    /// The draft's checksum, which the store must know.
    pub(super) checksum_sha256: Option<Sha256>,
}

impl Pins {
    /// The pin that an object does not match, if any; its version apart, which differs between a draft and its copy.
    fn broken_by(&self, object: &ObjectInfo) -> Option<&'static str> {
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
pub(super) enum Existing {
    /// It stays, and the confirm is refused.
    Keep,
    /// It is replaced, if it is this version, or else the one that was seen when the confirm began.
    Replace(Option<ETag>),
}

/// What the protocol wants done.
#[derive(Debug)]
pub(super) enum Effect {
    /// Look at the draft.
    HeadDraft,
    /// Look at what main holds under the name.
    HeadMain,
    /// Copy this version of the draft to main, if it still is that version, and main still is empty or this version.
    Copy {
        draft_etag: ETag,
        main_etag: Option<ETag>,
        attributes: Attributes,
    },
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
    Finish(Result<Kept, Error>),
}

/// What main holds.
#[derive(Debug)]
pub(super) struct Kept {
    /// The object.
    pub(super) main: ObjectInfo,
    /// Whether an earlier confirm had put it there.
    pub(super) replayed: bool,
}

/// One confirm under way.
#[derive(Debug)]
pub(super) struct Protocol {
    draft_key: ObjectKey,
    pins: Pins,
    existing: Existing,
    idempotency_key: Option<String>,
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
    Copy(Copying),
    /// Main, to learn what became of a copy that ended in this error.
    Outcome(Copying, storage::Error),
    /// Main, to compare it with this draft.
    ReadBack(ObjectInfo),
    /// The delete of the draft, with what main holds.
    Delete(Kept),
    /// Nothing: it has ended.
    Over,
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

impl Protocol {
    /// Begins a confirm of the draft with this key.
    pub(super) fn start(
        draft_key: ObjectKey,
        pins: Pins,
        existing: Existing,
        idempotency_key: Option<String>,
    ) -> (Self, Effect) {
        let protocol = Self {
            draft_key,
            pins,
            existing,
            idempotency_key,
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
            (State::Copy(copying), Answer::Copied(copied)) => self.on_copied(copying, copied),
            (State::Outcome(copying, error), Answer::Head(Ok(main))) => self.on_outcome(copying, error, main),
            (State::ReadBack(draft), Answer::Head(Ok(main))) => self.on_read_back(&draft, main, false),
            (State::Delete(kept), Answer::Deleted) => Step::Finish(Ok(kept)),
            (_, Answer::Head(_) | Answer::Copied(_) | Answer::Deleted) => {
                Step::Finish(Err(Error::Internal(Box::new(OutOfStep))))
            }
        }
    }

    fn on_draft(&mut self, draft: Option<ObjectInfo>) -> Step {
        let Some(draft) = draft else {
            return self.look(State::Earlier(Error::NotFound(Missing::Draft)));
        };
        let other_version = self.pins.if_match.as_ref().is_some_and(|pin| *pin != draft.etag);
        let broken = other_version
            .then_some("if_match")
            .or_else(|| self.pins.broken_by(&draft));
        if let Some(pin) = broken {
            return self.look(State::Earlier(Error::PinMismatch { pin }));
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
        let made_by_this = |main: &ObjectInfo| {
            let named = marker::names(&main.attributes.metadata, &self.draft_key, self.pins.if_match.as_ref());
            named && self.pins.broken_by(main).is_none() || self.has_our_key(main)
        };
        let kept = main.filter(made_by_this).map(|main| Kept { main, replayed: true });
        Step::Finish(kept.ok_or(otherwise))
    }

    fn on_main(&mut self, draft: ObjectInfo, main: Option<ObjectInfo>) -> Step {
        match (main, &self.existing) {
            (Some(main), _) if self.is_copy(&draft, &main) => self.on_read_back(&draft, Some(main), true),
            (Some(main), _) if self.has_our_key(&main) => Step::Finish(Ok(Kept { main, replayed: true })),
            (None, Existing::Keep | Existing::Replace(None)) => self.copy(Copying { draft, main_etag: None }),
            (Some(_), Existing::Keep) => Step::Finish(Err(Error::AlreadyExists)),
            (Some(main), Existing::Replace(expected)) if expected.as_ref().is_none_or(|etag| *etag == main.etag) => {
                let main_etag = Some(main.etag);
                self.copy(Copying { draft, main_etag })
            }
            (_, Existing::Replace(_)) => Step::Finish(Err(MAIN_CHANGED)),
        }
    }

    fn on_copied(&mut self, copying: Copying, copied: Result<ETag, storage::Error>) -> Step {
        match copied {
            Ok(_) => self.look(State::ReadBack(copying.draft)),
            Err(error) => match error.kind {
                ErrorKind::PreconditionFailed | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::NotFound => {
                    self.look(State::Outcome(copying, error))
                }
                ErrorKind::BucketNotFound
                | ErrorKind::TooLarge
                | ErrorKind::CredentialsRefused
                | ErrorKind::Unsupported
                | ErrorKind::Unexpected => Step::Finish(Err(error.into())),
            },
        }
    }

    fn on_outcome(&mut self, copying: Copying, error: storage::Error, main: Option<ObjectInfo>) -> Step {
        let unchanged = main.as_ref().map(|main| &main.etag) == copying.main_etag.as_ref();
        match main {
            Some(main) if self.is_copy(&copying.draft, &main) => self.on_read_back(&copying.draft, Some(main), false),
            _ if !unchanged => Step::Finish(Err(match self.existing {
                Existing::Keep => Error::AlreadyExists,
                Existing::Replace(_) => MAIN_CHANGED,
            })),
            _ if self.copies_left == 0 => Step::Finish(Err(Error::StoreUnavailable(error))),
            _ if matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::NotFound) => {
                self.state = State::Draft;
                Step::Perform(Effect::HeadDraft)
            }
            _ => self.copy(copying),
        }
    }

    fn on_read_back(&mut self, draft: &ObjectInfo, main: Option<ObjectInfo>, replayed: bool) -> Step {
        let same_checksum = |main: &ObjectInfo| match (draft.checksum_sha256, main.checksum_sha256) {
            (Some(draft), Some(main)) => draft == main,
            (None, _) | (_, None) => true,
        };
        let same = |main: &ObjectInfo| self.is_copy(draft, main) && main.size == draft.size && same_checksum(main);
        match main.filter(same) {
            Some(main) => {
                self.state = State::Delete(Kept { main, replayed });
                let draft_etag = draft.etag.clone();
                Step::Perform(Effect::DeleteDraft { draft_etag })
            }
            None => Step::Finish(Err(Error::Internal(Box::new(CopyDiffers)))),
        }
    }

    fn copy(&mut self, copying: Copying) -> Step {
        self.copies_left = self.copies_left.saturating_sub(1);
        let draft = &copying.draft;
        let key = self.idempotency_key.as_deref();
        let copy = Effect::Copy {
            draft_etag: draft.etag.clone(),
            main_etag: copying.main_etag.clone(),
            attributes: marker::mark(&draft.attributes, &self.draft_key, &draft.etag, key),
        };
        self.state = State::Copy(copying);
        Step::Perform(copy)
    }

    fn look(&mut self, state: State) -> Step {
        self.state = state;
        Step::Perform(Effect::HeadMain)
    }

    /// Whether a confirm with the same idempotency key made it.
    fn has_our_key(&self, main: &ObjectInfo) -> bool {
        let key = self.idempotency_key.as_deref();
        key.is_some_and(|key| marker::bears_key(&main.attributes.metadata, key))
    }

    fn is_copy(&self, draft: &ObjectInfo, main: &ObjectInfo) -> bool {
        marker::names(&main.attributes.metadata, &self.draft_key, Some(&draft.etag))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn object(size: u64, checksum: [u8; 32], attributes: Attributes) -> ObjectInfo {
        ObjectInfo {
            etag: "0123".parse().expect("an ETag"),
            size,
            last_modified: UNIX_EPOCH,
            checksum_sha256: Some(Sha256::from(checksum)),
            attributes,
        }
    }

    fn perform(step: Step) -> Effect {
        match step {
            Step::Perform(effect) => effect,
            Step::Finish(result) => panic!("ended early: {result:?}"),
        }
    }

    /// Runs a confirm of five bytes up to what follows from reading main back.
    fn read_back(size: u64, checksum: [u8; 32]) -> Step {
        let key: ObjectKey = "a".parse().expect("a key");
        let (mut protocol, _) = Protocol::start(key, Pins::default(), Existing::Keep, None);
        let draft = object(5, [1; 32], Attributes::default());
        perform(protocol.on(Answer::Head(Ok(Some(draft)))));
        let Effect::Copy { attributes, .. } = perform(protocol.on(Answer::Head(Ok(None)))) else {
            panic!("main is empty: it should copy");
        };
        let copied = perform(protocol.on(Answer::Copied(Ok("4567".parse().expect("an ETag")))));
        assert!(matches!(copied, Effect::HeadMain), "{copied:?}");
        protocol.on(Answer::Head(Ok(Some(object(size, checksum, attributes)))))
    }

    #[test]
    fn draft_is_deleted_only_when_main_holds_its_bytes() {
        let step = read_back(5, [1; 32]);
        assert!(matches!(step, Step::Perform(Effect::DeleteDraft { .. })), "{step:?}");
        for (size, checksum) in [(4, [1; 32]), (5, [2; 32])] {
            let step = read_back(size, checksum);
            assert!(matches!(step, Step::Finish(Err(Error::Internal(_)))), "{step:?}");
        }
    }

    #[test]
    fn answer_that_was_not_waited_for_ends_the_confirm() {
        let key: ObjectKey = "a".parse().expect("a key");
        let (mut protocol, _) = Protocol::start(key, Pins::default(), Existing::Keep, None);
        let step = protocol.on(Answer::Deleted);
        assert!(matches!(step, Step::Finish(Err(Error::Internal(_)))), "{step:?}");
    }
}
