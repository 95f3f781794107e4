//! The copy that is kept of an object before a call replaces or deletes it, as a state machine.
//!
//! 1. Look up the object with its options. Another version than the call has seen, or none: fail. A version that the store
//!    keeps: there is nothing to do.
//! 2. Copy it under a key of its own, on condition that it is still that version.
//!
//! The call then replaces or deletes the object on the same condition. So what is replaced or deleted always has its copy. A
//! call that dies in between leaves a copy too many, which expires like the others.

use draftstore_storage::{Attributes, ETag, ErrorKind, VersionId};

use super::replaced::ReplacedId;
use super::transfer::Source;
use crate::StoreError;

/// A copy of an object to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Keep {
    /// The version of the object that the call has seen.
    pub etag: ETag,
    /// The ID of the copy.
    pub id: ReplacedId,
}

/// The copy of an object in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Keeping {
    keep: Keep,
    state: State,
}

/// The answer that the copy waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// The lookup of the object.
    Find,
    /// The copy of the object.
    Copy,
    /// No answer: the copy has ended.
    Over,
}

/// A call that the copy wants its driver to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeepEffect {
    /// Look up the object with its options.
    Find,
    /// Copy this version of the object to the key of the ID, if it is still that version and the key is free.
    Copy {
        /// The version of the object.
        etag: ETag,
        /// The ID of the copy.
        id: ReplacedId,
        /// The size of the object in bytes.
        size: u64,
        /// The complete attributes of the copy.
        attributes: Box<Attributes>,
    },
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeepAnswer<E> {
    /// The object, if there is one.
    Found(Result<Option<Box<Source>>, E>),
    /// The answer to a copy.
    Copied(Result<(), E>),
}

/// The next step after an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeepStep<E> {
    /// Perform this effect, and answer with its result.
    Perform(KeepEffect),
    /// The copy has ended, with its ID. `None` if the store keeps the object as a version.
    Finish(Result<Option<ReplacedId>, KeepError<E>>),
}

/// The reason why no copy was kept. The object must then stay. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum KeepError<E> {
    /// The object is another version than the call has seen, or is gone.
    #[error("the object has another version")]
    Changed,
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// The driver answered an effect that was not requested: a bug.
    #[error("the copy of a replaced object got an unexpected answer")]
    OutOfStep,
}

impl Keeping {
    /// Starts a copy, and returns its first effect.
    pub fn start(keep: Keep) -> (Self, KeepEffect) {
        let state = State::Find;
        (Self { keep, state }, KeepEffect::Find)
    }

    /// Handles the answer to the last effect.
    #[must_use]
    pub fn on<E: StoreError>(&mut self, answer: KeepAnswer<E>) -> KeepStep<E> {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::Find, KeepAnswer::Found(Ok(found))) => self.on_found(found),
            (State::Copy, KeepAnswer::Copied(Ok(()))) => KeepStep::Finish(Ok(Some(self.keep.id))),
            // The object is gone.
            (State::Copy, KeepAnswer::Copied(Err(error))) if error.kind() == ErrorKind::NotFound => {
                KeepStep::Finish(Err(KeepError::Changed))
            }
            (State::Find, KeepAnswer::Found(Err(error))) | (State::Copy, KeepAnswer::Copied(Err(error))) => {
                KeepStep::Finish(Err(KeepError::Store(error)))
            }
            (State::Find | State::Copy | State::Over, KeepAnswer::Found(_) | KeepAnswer::Copied(_)) => {
                KeepStep::Finish(Err(KeepError::OutOfStep))
            }
        }
    }

    fn on_found<E>(&mut self, found: Option<Box<Source>>) -> KeepStep<E> {
        let Some(found) = found.filter(|found| found.info.etag == self.keep.etag) else {
            return KeepStep::Finish(Err(KeepError::Changed));
        };
        let version = found.info.version_id.as_ref();
        if version.is_some_and(|version| version.as_str() != VersionId::NULL) {
            return KeepStep::Finish(Ok(None));
        }
        self.state = State::Copy;
        KeepStep::Perform(KeepEffect::Copy {
            etag: self.keep.etag.clone(),
            id: self.keep.id,
            size: found.info.size,
            attributes: Box::new(Attributes::of_stored(&found.info.attributes, found.options)),
        })
    }
}
