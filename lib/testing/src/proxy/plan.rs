//! The plan of a test: which requests meet which fault.

use super::fault::InjectedFault;
use super::pause::Hold;
use super::quirk::StoreQuirk;
use super::request::{Request, RequestFilter};

/// A range of the requests that match a plan, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRange {
    first: usize,
    last: usize,
}

impl RequestRange {
    /// All requests that match.
    pub const ALL: Self = Self::from(1);

    /// Only the `nth` request.
    pub const fn only(nth: usize) -> Self {
        Self { first: nth, last: nth }
    }

    /// The request `first` and all that follow.
    pub const fn from(first: usize) -> Self {
        Self {
            first,
            last: usize::MAX,
        }
    }

    /// Limits the range to its first `count` requests.
    #[must_use]
    pub const fn take(self, count: usize) -> Self {
        Self {
            last: self.first + count - 1,
            ..self
        }
    }
}

/// The planned action for matching requests.
#[derive(Debug)]
pub(super) enum PlannedAction {
    Fail(InjectedFault),
    Hold(Hold),
}

/// The action for a single request.
#[derive(Debug)]
pub(super) enum Action {
    Nothing,
    InjectedFault(InjectedFault),
    Hold(Hold),
}

/// The plans of a test and the log of all requests.
#[derive(Debug, Default)]
pub(super) struct FaultPlan {
    entries: Vec<PlanEntry>,
    log: Vec<Request>,
    hits: usize,
    /// The number of accepted connections.
    pub(super) connections: usize,
    /// True if responses have no `Date` header.
    pub(super) hides_clock: bool,
    /// The differences from S3 that the proxy imitates.
    pub(super) quirks: Vec<StoreQuirk>,
}

#[derive(Debug)]
struct PlanEntry {
    target: RequestFilter,
    requests: RequestRange,
    seen: usize,
    /// `None` once it is used up, because only one request can be held.
    planned: Option<PlannedAction>,
}

impl FaultPlan {
    pub(super) fn add(&mut self, target: RequestFilter, requests: RequestRange, planned: PlannedAction) {
        self.entries.push(PlanEntry {
            target,
            requests,
            seen: 0,
            planned: Some(planned),
        });
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn log(&self) -> &[Request] {
        &self.log
    }

    /// Returns the number of requests that a plan applied to.
    pub(super) fn hits(&self) -> usize {
        self.hits
    }

    /// Logs a request and returns its action.
    pub(super) fn on(&mut self, request: Request) -> Action {
        let mut action = Action::Nothing;
        for entry in self.entries.iter_mut().filter(|entry| entry.target.is(&request)) {
            entry.seen += 1;
            let matches = (entry.requests.first..=entry.requests.last).contains(&entry.seen);
            if !matches || !matches!(action, Action::Nothing) {
                continue;
            }
            action = match entry.planned.take() {
                Some(PlannedAction::Fail(fault)) => {
                    entry.planned = Some(PlannedAction::Fail(fault));
                    Action::InjectedFault(fault)
                }
                Some(PlannedAction::Hold(hold)) => Action::Hold(hold),
                None => Action::Nothing,
            };
        }
        self.log.push(request);
        self.hits += usize::from(!matches!(action, Action::Nothing));
        action
    }
}
