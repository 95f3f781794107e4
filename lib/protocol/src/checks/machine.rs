//! The rules of one check of one version of a draft: its input is an answer, its output the next effect or the end.
//!
//! 1. Look up the verdict. If another server has recorded one, that is the result.
//! 2. Read the draft, on condition that it is this version, and decide.
//! 3. Record the verdict where there is none. If another server was first, its verdict is the result. A verdict whose
//!    record failed is true all the same, for the bytes that were read: only whoever waits for it learns it.

use draftstore_storage::ErrorKind;

use super::verdict::Verdict;
use crate::StoreError;

/// One check in progress. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Check {
    state: State,
}

/// The answer that the check waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    /// The verdict that may be recorded already.
    LookUp,
    /// The verdict by the bytes of the draft.
    Inspect,
    /// The record of this verdict.
    Record(Verdict),
    /// The verdict that another server has recorded first.
    LookUpAgain,
    /// No answer: the check has ended.
    Over,
}

/// A call, or several, that a check wants its driver to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CheckEffect {
    /// Look up the recorded verdict.
    LookUp,
    /// Read the draft, each range on condition that it is still this version, and decide.
    Inspect,
    /// Record the verdict, if there is none.
    Record(Verdict),
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CheckAnswer<E> {
    /// The recorded verdict, if there is one.
    Found(Result<Option<Verdict>, E>),
    /// The verdict by the bytes of the draft.
    Inspected(Result<Verdict, E>),
    /// The answer to the record of a verdict.
    Recorded(Result<(), E>),
}

/// The next step after an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CheckStep<E> {
    /// Perform this effect, and answer with its result.
    Perform(CheckEffect),
    /// The check has ended.
    Finish(Result<Verdict, CheckError<E>>),
}

/// The reason why a check ended without a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CheckError<E> {
    /// The draft has another version by now, or is gone.
    #[error("the draft was uploaded again, or is gone")]
    Changed,
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// The driver answered an effect that was not requested: a bug.
    #[error("the check got an unexpected answer")]
    OutOfStep,
}

impl Check {
    /// Starts a check, and returns its first effect.
    pub fn start() -> (Self, CheckEffect) {
        let state = State::LookUp;
        (Self { state }, CheckEffect::LookUp)
    }

    /// Handles the answer to the last effect.
    #[must_use]
    pub fn on<E: StoreError>(&mut self, answer: CheckAnswer<E>) -> CheckStep<E> {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::LookUp | State::LookUpAgain, CheckAnswer::Found(Err(error))) => {
                CheckStep::Finish(Err(CheckError::Store(error)))
            }
            (State::LookUp | State::LookUpAgain, CheckAnswer::Found(Ok(Some(verdict)))) => {
                CheckStep::Finish(Ok(verdict))
            }
            (State::LookUp, CheckAnswer::Found(Ok(None))) => {
                self.state = State::Inspect;
                CheckStep::Perform(CheckEffect::Inspect)
            }
            // The record of another server is gone again, or is of nobody who has our secrets.
            (State::LookUpAgain, CheckAnswer::Found(Ok(None))) => CheckStep::Finish(Err(CheckError::Changed)),
            (State::Inspect, CheckAnswer::Inspected(Ok(verdict))) => {
                self.state = State::Record(verdict.clone());
                CheckStep::Perform(CheckEffect::Record(verdict))
            }
            (State::Inspect, CheckAnswer::Inspected(Err(error))) => CheckStep::Finish(Err(match error.kind() {
                ErrorKind::PreconditionFailed | ErrorKind::NotFound => CheckError::Changed,
                ErrorKind::BucketNotFound
                | ErrorKind::Conflict
                | ErrorKind::TooLarge
                | ErrorKind::CredentialsRefused
                | ErrorKind::Archived
                | ErrorKind::Unsupported
                | ErrorKind::Unavailable
                | ErrorKind::Unexpected => CheckError::Store(error),
            })),
            (State::Record(_), CheckAnswer::Recorded(Err(error))) if error.kind() == ErrorKind::PreconditionFailed => {
                self.state = State::LookUpAgain;
                CheckStep::Perform(CheckEffect::LookUp)
            }
            (State::Record(verdict), CheckAnswer::Recorded(Ok(()) | Err(_))) => CheckStep::Finish(Ok(verdict)),
            (_, CheckAnswer::Found(_) | CheckAnswer::Inspected(_) | CheckAnswer::Recorded(_)) => {
                CheckStep::Finish(Err(CheckError::OutOfStep))
            }
        }
    }
}
