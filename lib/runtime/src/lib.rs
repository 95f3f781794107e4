//! The runtime of every program: logs, metrics, traces, the probe of the store, schedules, reload and shutdown.

mod audit;
mod http_client;
pub mod logging;
pub mod metrics;
mod panics;
mod program;
pub mod reload;
pub mod safety;
mod schedule;
mod shutdown;
pub mod traces;

pub use audit::{AuditLog, AuditSettings, InvalidAuditLog};
pub use http_client::{HttpClient, HttpError};
pub use program::Program;
pub use schedule::{InvalidSchedule, Schedule, ScheduleError, ScheduleSettings};
pub use shutdown::{on_hangup, on_signal};

/// The exit status for an invalid configuration (`EX_USAGE` of sysexits.h).
pub const EXIT_CONFIG: u8 = 64;
