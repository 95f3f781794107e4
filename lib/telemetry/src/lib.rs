//! The telemetry of every program: logs, the audit log, metrics and traces. It must not know a request or a draft.

mod audit;
pub mod logging;
pub mod metrics;
mod panics;
mod program;
pub mod traces;

pub use audit::{AuditLog, AuditSettings, AuditSink, InvalidAuditLog};
pub use program::Program;
