//! What every binary needs around the rules: configuration from the environment, logging, what the store can be relied on
//! for, a schedule, shutdown.

mod audit;
pub mod config;
pub mod logging;
pub mod metrics;
mod panics;
pub mod safety;
mod schedule;
mod shutdown;
pub mod traces;

pub use audit::{AuditLog, InvalidAuditLog};
pub use schedule::{InvalidSchedule, Schedule, ScheduleError};
pub use shutdown::{on_hangup, on_signal};

/// Exit status for a configuration that cannot be used (`EX_USAGE` of sysexits.h).
pub const EXIT_CONFIG: u8 = 64;
