//! The rules of one check of one version of a draft: its input is an answer, its output the next effect or the end.
//!
//! 1. Look up the verdict. If another server has recorded one, that is the result. If what is recorded cannot be read, the
//!    check ends without a verdict.
//! 2. Read the draft, on condition that it is this version, and decide.
//! 3. Have scanners scan what is accepted, if the settings name any, and again until they have a result.
//! 4. Record the verdict where there is none. If another server was first, its verdict is the result. A verdict that
//!    could not be recorded still holds for the bytes that were read: the callers that wait for the check get it.

use draftstore_storage::ErrorKind;

use super::verdict::{Reason, Verdict};
use crate::StoreError;

/// One check in progress. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Check {
    scanning: Scanning,
    state: State,
}

/// The need for scanners in a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scanning {
    /// The bytes that the server reads itself decide.
    Off,
    /// Scanners must find nothing in what is otherwise accepted.
    On,
}

/// The answer that the check waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    /// The verdict that may be recorded already.
    LookUp,
    /// The verdict by the bytes of the draft.
    Inspect,
    /// The result of the scanners, about bytes for which this verdict accepts.
    Scan(Verdict),
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
    /// Ask the scanners. After a pending result, not at once again.
    Scan,
    /// Record the verdict, if there is none.
    Record(Verdict),
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CheckAnswer<E> {
    /// The object in the place of the verdict.
    Found(Result<Recorded, E>),
    /// The verdict by the bytes of the draft.
    Inspected(Result<Verdict, E>),
    /// The result of the scanners.
    Scanned(Result<Scan, E>),
    /// The answer to the record of a verdict.
    Recorded(Result<(), E>),
}

/// The object in the place of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recorded {
    /// No object is there, so that nothing is recorded.
    Nothing,
    /// A server has recorded this verdict.
    Verdict(Verdict),
    /// An object is there, and is no verdict that a server has sealed for these bytes and settings.
    Unreadable,
}

/// The result of the scanners.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scan {
    /// The scanners accept this version of the draft.
    Clean,
    /// The scanners reject this version of the draft.
    Rejected(Vec<Reason>),
    /// The scanners have no result yet.
    Pending,
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
    /// The object in the place of the verdict is not a verdict.
    #[error("the recorded verdict cannot be read")]
    Unreadable,
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// The driver answered an effect that was not requested: a bug.
    #[error("the check got an unexpected answer")]
    OutOfStep,
}

impl Check {
    /// Starts a check, and returns its first effect.
    pub fn start(scanning: Scanning) -> (Self, CheckEffect) {
        let state = State::LookUp;
        (Self { scanning, state }, CheckEffect::LookUp)
    }

    /// Handles the answer to the last effect.
    #[must_use]
    pub fn on<E: StoreError>(&mut self, answer: CheckAnswer<E>) -> CheckStep<E> {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::LookUp | State::LookUpAgain, CheckAnswer::Found(Err(error))) => {
                CheckStep::Finish(Err(CheckError::Store(error)))
            }
            (State::LookUp | State::LookUpAgain, CheckAnswer::Found(Ok(Recorded::Verdict(verdict)))) => {
                CheckStep::Finish(Ok(verdict))
            }
            (State::LookUp | State::LookUpAgain, CheckAnswer::Found(Ok(Recorded::Unreadable))) => {
                CheckStep::Finish(Err(CheckError::Unreadable))
            }
            (State::LookUp, CheckAnswer::Found(Ok(Recorded::Nothing))) => {
                self.state = State::Inspect;
                CheckStep::Perform(CheckEffect::Inspect)
            }
            // The record of another server is gone again.
            (State::LookUpAgain, CheckAnswer::Found(Ok(Recorded::Nothing))) => {
                CheckStep::Finish(Err(CheckError::Changed))
            }
            (State::Inspect, CheckAnswer::Inspected(Ok(verdict))) => match (self.scanning, &verdict) {
                (Scanning::On, Verdict::Accepted { .. }) => self.scan(verdict),
                (Scanning::On, Verdict::Rejected(_)) | (Scanning::Off, _) => self.record(verdict),
            },
            (State::Scan(verdict), CheckAnswer::Scanned(Ok(scan))) => match scan {
                Scan::Clean => self.record(verdict),
                Scan::Rejected(reasons) => self.record(Verdict::Rejected(reasons)),
                Scan::Pending => self.scan(verdict),
            },
            (
                State::Inspect | State::Scan(_),
                CheckAnswer::Inspected(Err(error)) | CheckAnswer::Scanned(Err(error)),
            ) => CheckStep::Finish(Err(match error.kind() {
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
            (
                _,
                CheckAnswer::Found(_) | CheckAnswer::Inspected(_) | CheckAnswer::Scanned(_) | CheckAnswer::Recorded(_),
            ) => CheckStep::Finish(Err(CheckError::OutOfStep)),
        }
    }

    fn scan<E>(&mut self, accepted: Verdict) -> CheckStep<E> {
        self.state = State::Scan(accepted);
        CheckStep::Perform(CheckEffect::Scan)
    }

    fn record<E>(&mut self, verdict: Verdict) -> CheckStep<E> {
        self.state = State::Record(verdict.clone());
        CheckStep::Perform(CheckEffect::Record(verdict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: Verdict = Verdict::Accepted { media_type: None };

    fn found(recorded: Recorded) -> CheckAnswer<ErrorKind> {
        CheckAnswer::Found(Ok(recorded))
    }

    #[test]
    fn verdict_that_cannot_be_read_is_no_verdict() {
        for scanning in [Scanning::Off, Scanning::On] {
            let (mut check, effect) = Check::start(scanning);
            assert_eq!(effect, CheckEffect::LookUp);
            let step = check.on(found(Recorded::Unreadable));
            assert_eq!(step, CheckStep::Finish(Err(CheckError::Unreadable)));
        }
        let (mut check, _) = Check::start(Scanning::Off);
        let _ = check.on(found(Recorded::Nothing));
        let _ = check.on::<ErrorKind>(CheckAnswer::Inspected(Ok(ACCEPTED)));
        let _ = check.on(CheckAnswer::Recorded(Err(ErrorKind::PreconditionFailed)));
        let step = check.on(found(Recorded::Unreadable));
        assert_eq!(step, CheckStep::Finish(Err(CheckError::Unreadable)));
    }

    #[test]
    fn scanners_are_asked_until_they_have_a_result() {
        let rejected = Verdict::Rejected(vec![]);
        for (scan, verdict) in [(Scan::Clean, ACCEPTED), (Scan::Rejected(vec![]), rejected)] {
            let (mut check, _) = Check::start(Scanning::On);
            let _ = check.on(found(Recorded::Nothing));
            let mut step = check.on::<ErrorKind>(CheckAnswer::Inspected(Ok(ACCEPTED)));
            for _ in 0..3 {
                assert_eq!(step, CheckStep::Perform(CheckEffect::Scan));
                step = check.on(CheckAnswer::Scanned(Ok(Scan::Pending)));
            }
            let step = check.on::<ErrorKind>(CheckAnswer::Scanned(Ok(scan)));
            assert_eq!(step, CheckStep::Perform(CheckEffect::Record(verdict)));
        }
    }

    #[test]
    fn scanners_are_not_asked_about_what_is_rejected_already() {
        let (mut check, _) = Check::start(Scanning::On);
        let _ = check.on(found(Recorded::Nothing));
        let rejected = Verdict::Rejected(vec![]);
        let step = check.on::<ErrorKind>(CheckAnswer::Inspected(Ok(rejected.clone())));
        assert_eq!(step, CheckStep::Perform(CheckEffect::Record(rejected)));
    }
}
