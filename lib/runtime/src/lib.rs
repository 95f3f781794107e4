//! The runtime of every program: reload of files, an HTTP client, schedule and shutdown.

mod http_client;
pub mod reload;
mod schedule;
mod shutdown;
mod stdout;

pub use http_client::{HttpClient, HttpError};
pub use schedule::{InvalidSchedule, Schedule, ScheduleError, ScheduleSettings};
pub use shutdown::{on_hangup, on_signal, survive_hangup};
pub use stdout::print;

/// The exit status for an invalid configuration (`EX_USAGE` of sysexits.h).
pub const EXIT_CONFIG: u8 = 64;
