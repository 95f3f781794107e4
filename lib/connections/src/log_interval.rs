//! A minimum time between two log lines about the same event, which clients can cause as often as they like.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The minimum time between two log lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// The last log line about an event, and the number of events since.
#[derive(Debug, Default)]
pub struct LogInterval(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    unlogged: u64,
}

impl LogInterval {
    /// Creates the state of an event that has not been logged.
    pub const fn new() -> Self {
        Self(Mutex::new(State {
            last: None,
            unlogged: 0,
        }))
    }

    /// Returns the number of events since the last log line if it is time for the next one, and else counts this event.
    pub fn next(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            state.unlogged += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_logged_once_an_interval_with_their_number() {
        let (log, start) = (LogInterval::new(), Instant::now());
        assert_eq!(log.next(start), Some(0));
        for seconds in [0, 1, 9] {
            assert_eq!(log.next(start + Duration::from_secs(seconds)), None);
        }
        assert_eq!(log.next(start + INTERVAL), Some(3));
        assert_eq!(log.next(start + 2 * INTERVAL), Some(0));
    }
}
