//! The parts that every program needs beside the rules: logs, metrics, traces, the probe of the store, a schedule, shutdown.

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

/// Exit status for a configuration that cannot be used (`EX_USAGE` of sysexits.h).
pub const EXIT_CONFIG: u8 = 64;
