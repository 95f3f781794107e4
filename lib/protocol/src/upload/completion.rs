//! The completion of an upload whose client is gone: its input is an answer, its output the next effect or the end.
//!
//! 1. Look up the plan. There is none if the upload was begun without its size.
//! 2. List the parts. They must be exactly those of the plan, and must have arrived some time ago: a client that is still
//!    there completes its upload itself. An upload that has ended is left to the sweep.
//! 3. Look up the draft. If there is one, the upload is left alone: it would replace what was uploaded since.
//! 4. Complete the upload, on condition that there is no draft. The store joins the listed versions of the parts, or none.
//! 5. After an unclear answer, look up the draft. Its mark tells if this upload created it.
//!
//! Any number of completions of one upload, by servers and by its client, have one effect: the store ends an upload once.

use std::time::{Duration, SystemTime};

use draftstore_storage::{ETag, ErrorKind, ListedPart};

use super::plan::is_idle;
use super::{Token, has_ended};
use crate::StoreError;

/// One completion in progress. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Completion<E> {
    idle_after: Duration,
    state: State<E>,
}

/// The answer that the completion waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State<E> {
    Plan,
    Parts(Token),
    Draft(Token, Vec<ListedPart>),
    Completed(Token),
    /// The draft, after this error of the completion.
    DraftAfter(Token, E),
    Over,
}

/// A call that a completion wants its driver to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CompletionEffect {
    /// Look up the plan of the upload.
    LookUpPlan,
    /// List all parts of the upload.
    ListParts,
    /// Look up the draft, and the mark of its upload.
    LookUpDraft,
    /// Join these parts, in these versions, if there is no draft.
    Complete(Vec<ListedPart>),
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CompletionAnswer<E> {
    /// The plan, if there is one.
    Plan(Result<Option<Token>, E>),
    /// The parts, or `None` if the upload is gone, with the time by the store's clock.
    Parts(Result<Option<Vec<ListedPart>>, E>, SystemTime),
    /// The draft, if there is one.
    Draft(Result<Option<FoundDraft>, E>),
    /// The version of the new draft.
    Completed(Result<ETag, E>),
}

/// A draft under the key of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FoundDraft {
    /// The version of the draft.
    pub etag: ETag,
    /// The mark of its upload, if it has one.
    pub mark: Option<String>,
}

/// The next step after an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CompletionStep<E> {
    /// Perform this effect, and answer with its result.
    Perform(CompletionEffect),
    /// The completion has ended.
    Finish(Result<CompletionEnd, CompletionError<E>>),
}

/// The end of a completion.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CompletionEnd {
    /// The upload is complete, and the draft has this version.
    Completed(ETag),
    /// The upload has no plan.
    NotPlanned,
    /// Parts are missing, arrived just now or were replaced, or the upload has ended.
    NotDue,
    /// There is another draft.
    Taken,
    /// The upload was completed or aborted by another.
    Gone,
}

/// The reason why a completion could not go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CompletionError<E> {
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// The driver answered an effect that was not requested: a bug.
    #[error("the completion got an unexpected answer")]
    OutOfStep,
}

/// Returns true if a completion with this error may have succeeded, so that the draft must be looked up.
pub fn may_have_completed(error: ErrorKind) -> bool {
    match error {
        ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::Unavailable
        | ErrorKind::Unexpected => true,
        ErrorKind::BucketNotFound
        | ErrorKind::TooLarge
        | ErrorKind::CredentialsRefused
        | ErrorKind::Archived
        | ErrorKind::Unsupported => false,
    }
}

impl<E: StoreError> Completion<E> {
    /// Starts the completion of an upload whose parts arrived at least `idle_after` ago, and returns its first effect.
    pub fn start(idle_after: Duration) -> (Self, CompletionEffect) {
        let state = State::Plan;
        (Self { idle_after, state }, CompletionEffect::LookUpPlan)
    }

    /// Handles the answer to the last effect.
    #[must_use]
    pub fn on(&mut self, answer: CompletionAnswer<E>) -> CompletionStep<E> {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (
                _,
                CompletionAnswer::Plan(Err(error))
                | CompletionAnswer::Parts(Err(error), _)
                | CompletionAnswer::Draft(Err(error)),
            ) => CompletionStep::Finish(Err(CompletionError::Store(error))),
            (State::Plan, CompletionAnswer::Plan(Ok(None))) => end(CompletionEnd::NotPlanned),
            (State::Plan, CompletionAnswer::Plan(Ok(Some(token)))) => {
                self.perform(State::Parts(token), CompletionEffect::ListParts)
            }
            (State::Parts(_), CompletionAnswer::Parts(Ok(None), _)) => end(CompletionEnd::Gone),
            (State::Parts(token), CompletionAnswer::Parts(Ok(Some(parts)), now)) => {
                let is_due = token.is_complete(&parts) && is_idle(&parts, now, self.idle_after);
                if !is_due || has_ended(now, token.ends_at) {
                    return end(CompletionEnd::NotDue);
                }
                self.perform(State::Draft(token, parts), CompletionEffect::LookUpDraft)
            }
            (State::Draft(..), CompletionAnswer::Draft(Ok(Some(_)))) => end(CompletionEnd::Taken),
            (State::Draft(token, parts), CompletionAnswer::Draft(Ok(None))) => {
                self.perform(State::Completed(token), CompletionEffect::Complete(parts))
            }
            (State::Completed(_), CompletionAnswer::Completed(Ok(etag))) => end(CompletionEnd::Completed(etag)),
            (State::Completed(token), CompletionAnswer::Completed(Err(error))) if may_have_completed(error.kind()) => {
                self.perform(State::DraftAfter(token, error), CompletionEffect::LookUpDraft)
            }
            (State::Completed(_), CompletionAnswer::Completed(Err(error))) => {
                CompletionStep::Finish(Err(CompletionError::Store(error)))
            }
            (State::DraftAfter(token, error), CompletionAnswer::Draft(Ok(draft))) => match draft {
                Some(draft) if draft.mark == Some(token.mark.text()) => end(CompletionEnd::Completed(draft.etag)),
                Some(_) | None => after(error),
            },
            (
                _,
                CompletionAnswer::Plan(_)
                | CompletionAnswer::Parts(..)
                | CompletionAnswer::Draft(_)
                | CompletionAnswer::Completed(_),
            ) => CompletionStep::Finish(Err(CompletionError::OutOfStep)),
        }
    }

    fn perform(&mut self, state: State<E>, effect: CompletionEffect) -> CompletionStep<E> {
        self.state = state;
        CompletionStep::Perform(effect)
    }
}

/// Returns the end of a completion that did not create the draft.
fn after<E: StoreError>(error: E) -> CompletionStep<E> {
    match error.kind() {
        ErrorKind::NotFound => end(CompletionEnd::Gone),
        ErrorKind::PreconditionFailed => end(CompletionEnd::Taken),
        // A part was uploaded again after the list.
        ErrorKind::Conflict => end(CompletionEnd::NotDue),
        ErrorKind::Unavailable
        | ErrorKind::Unexpected
        | ErrorKind::BucketNotFound
        | ErrorKind::TooLarge
        | ErrorKind::CredentialsRefused
        | ErrorKind::Archived
        | ErrorKind::Unsupported => CompletionStep::Finish(Err(CompletionError::Store(error))),
    }
}

fn end<E>(end: CompletionEnd) -> CompletionStep<E> {
    CompletionStep::Finish(Ok(end))
}
