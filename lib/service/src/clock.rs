//! Where the time comes from, so that tests need not wait.

use std::fmt;
use std::time::SystemTime;

/// The time of day.
pub trait Clock: Send + Sync + fmt::Debug {
    /// This moment.
    fn now(&self) -> SystemTime;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
