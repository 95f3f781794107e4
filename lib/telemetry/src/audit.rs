//! The audit log: one JSON object per line, whatever the format of the other logs.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use draftstore_config::settings;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::registry::LookupSpan;

/// The tracing target of audit events, which no other log includes.
pub(crate) const TARGET: &str = "audit";

settings! {
    /// The settings of the audit.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AuditSettings in "Logs" {
        /// The destination of the audit, one JSON object for each decision: `stderr`, the path of a file, or `off`.
        pub log: AuditLog = "AUDIT_LOG", default "off", str::parse;
    }
}

/// The destination of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AuditLog {
    /// The audit log is disabled.
    #[default]
    Off,
    /// Standard error, interleaved with the other logs.
    Stderr,
    /// A file, to which lines are appended.
    File(PathBuf),
}

/// The error of a text that is not a destination of the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 'off', 'stderr' or the path of a file, with a '/' in it")]
pub struct InvalidAuditLog;

impl FromStr for AuditLog {
    type Err = InvalidAuditLog;

    fn from_str(text: &str) -> Result<Self, InvalidAuditLog> {
        match text {
            "off" => Ok(Self::Off),
            "stderr" => Ok(Self::Stderr),
            path if path.contains('/') => Ok(Self::File(PathBuf::from(path))),
            _ => Err(InvalidAuditLog),
        }
    }
}

impl AuditLog {
    /// Returns the layer that writes the audit log, or `None` if it is disabled.
    ///
    /// # Errors
    /// If the file cannot be opened for appending.
    pub(crate) fn layer<S>(&self) -> io::Result<Option<impl Layer<S> + use<S>>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let writer = match self {
            Self::Off => return Ok(None),
            Self::Stderr => BoxMakeWriter::new(io::stderr),
            Self::File(path) => {
                let file: File = OpenOptions::new().create(true).append(true).open(path)?;
                BoxMakeWriter::new(Arc::new(file))
            }
        };
        let lines = layer()
            .json()
            .flatten_event(true)
            .with_level(false)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(writer);
        let decisions = filter_fn(|metadata| metadata.target() == TARGET).with_max_level_hint(Level::INFO);
        Ok(Some(lines.with_filter(decisions)))
    }
}
