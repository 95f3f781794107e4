//! Which request meets what.

use super::fault::Fault;
use super::pause::Hold;
use super::request::{Request, Target};

/// Which of the requests that a plan is about, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    first: usize,
    last: usize,
}

impl Requests {
    /// All of them.
    pub const ALL: Self = Self::from(1);

    /// This one alone.
    pub const fn only(nth: usize) -> Self {
        Self { first: nth, last: nth }
    }

    /// This one and all that follow.
    pub const fn from(first: usize) -> Self {
        Self {
            first,
            last: usize::MAX,
        }
    }

    /// So many of these, beginning with the first of them.
    #[must_use]
    pub const fn take(self, count: usize) -> Self {
        Self {
            last: self.first + count - 1,
            ..self
        }
    }
}

/// What is done to a request.
#[derive(Debug)]
pub(super) enum Act {
    Fail(Fault),
    Hold(Hold),
}

/// What is done to this request.
#[derive(Debug)]
pub(super) enum Met {
    Nothing,
    Fault(Fault),
    Hold(Hold),
}

/// What a test has planned, and what has come.
#[derive(Debug, Default)]
pub(super) struct Plan {
    entries: Vec<Entry>,
    log: Vec<Request>,
    struck: usize,
    /// How many connections were accepted.
    pub(super) connections: usize,
    /// Whether answers tell no time.
    pub(super) hides_clock: bool,
}

#[derive(Debug)]
struct Entry {
    target: Target,
    requests: Requests,
    seen: usize,
    /// None once it is used up: only one request can be held.
    act: Option<Act>,
}

impl Plan {
    pub(super) fn add(&mut self, target: Target, requests: Requests, act: Act) {
        self.entries.push(Entry {
            target,
            requests,
            seen: 0,
            act: Some(act),
        });
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn log(&self) -> &[Request] {
        &self.log
    }

    /// How many requests met something.
    pub(super) fn struck(&self) -> usize {
        self.struck
    }

    /// Takes note of a request, and says what it meets.
    pub(super) fn on(&mut self, request: Request) -> Met {
        let mut met = Met::Nothing;
        for entry in self.entries.iter_mut().filter(|entry| entry.target.is(&request)) {
            entry.seen += 1;
            let is_hit = (entry.requests.first..=entry.requests.last).contains(&entry.seen);
            if !is_hit || !matches!(met, Met::Nothing) {
                continue;
            }
            met = match entry.act.take() {
                Some(Act::Fail(fault)) => {
                    entry.act = Some(Act::Fail(fault));
                    Met::Fault(fault)
                }
                Some(Act::Hold(hold)) => Met::Hold(hold),
                None => Met::Nothing,
            };
        }
        self.log.push(request);
        self.struck += usize::from(!matches!(met, Met::Nothing));
        met
    }
}
