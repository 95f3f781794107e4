//! Where the audit goes: one JSON object a line, whatever the log looks like.

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

/// What the events of the audit are called. They are in no other log.
pub(crate) const TARGET: &str = "audit";

settings! {
    /// The settings of the audit.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AuditSettings in "Logs" {
        /// The destination of the audit, one JSON object for each decision: `stderr`, the path of a file, or `off`.
        pub log: AuditLog = "AUDIT_LOG", default "off", str::parse;
    }
}

/// Where it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AuditLog {
    /// Nowhere.
    #[default]
    Off,
    /// To standard error, between the lines of the log.
    Stderr,
    /// To the end of this file.
    File(PathBuf),
}

/// Why a text says no such place.
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
    /// What writes it; none where it is off.
    ///
    /// # Errors
    /// When the file cannot be written to.
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
