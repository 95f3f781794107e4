//! The audit log: one JSON object per line, whatever the format of the other logs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use draftstore_config::{parse, settings};
use prometheus::IntCounter;
use tokio::signal::unix::Signal;
use tokio::sync::Notify;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::registry::LookupSpan;

/// The tracing target of audit events, which no other log includes.
pub(crate) const TARGET: &str = "audit";

settings! {
    /// The settings of the audit.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AuditSettings in "Logs" {
        /// The destination of the audit, one JSON object for each decision: `stderr`, the path of a file, or `off`.
        pub log: AuditLog = "AUDIT_LOG", default "off", str::parse;
        /// Refuses calls while the audit cannot be written, `true` or `false`.
        pub required: bool = "AUDIT_REQUIRED", default "false", parse::boolean;
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
    /// Opens the destination, or returns `None` if the audit is disabled.
    ///
    /// # Errors
    /// If the file cannot be opened for appending.
    pub fn open(&self) -> io::Result<Option<AuditSink>> {
        let (output, path) = match self {
            Self::Off => return Ok(None),
            Self::Stderr => (Output::Stderr, None),
            Self::File(path) => (Output::open(path)?, Some(path.clone())),
        };
        Ok(Some(AuditSink(Arc::new(Sink {
            path,
            output: Mutex::new(output),
            is_failing: Arc::default(),
            failures: OnceLock::new(),
            changed: Notify::new(),
        }))))
    }
}

/// The open destination of the audit. Clones share it.
#[derive(Debug, Clone)]
pub struct AuditSink(Arc<Sink>);

#[derive(Debug)]
struct Sink {
    /// The path of the file, which is reopened at SIGHUP.
    path: Option<PathBuf>,
    output: Mutex<Output>,
    is_failing: Arc<AtomicBool>,
    failures: OnceLock<IntCounter>,
    changed: Notify,
}

#[derive(Debug)]
enum Output {
    Stderr,
    File(File),
}

impl Output {
    fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path).map(Self::File)
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().write_all(line),
            Self::File(file) => file.write_all(line),
        }
    }
}

impl AuditSink {
    /// Returns the flag that is set while lines cannot be written.
    pub fn is_failing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.is_failing)
    }

    /// Counts lines that could not be written.
    pub fn count_failures(&self, failures: IntCounter) {
        // A second counter would be a bug of the caller, and count nothing.
        let _ = self.0.failures.set(failures);
    }

    /// Logs when lines can no longer be written, or again, and reopens the file at each signal. Never ends.
    pub async fn run(self, mut hangup: Signal) {
        let mut was_failing = false;
        loop {
            tokio::select! {
                () = self.0.changed.notified() => {}
                _ = hangup.recv() => self.reopen(),
            }
            let is_failing = self.0.is_failing.load(Ordering::Relaxed);
            if is_failing && !was_failing {
                tracing::error!(path = ?self.0.path, "audit not written");
            } else if was_failing && !is_failing {
                tracing::info!(path = ?self.0.path, "audit written again");
            }
            was_failing = is_failing;
        }
    }

    fn reopen(&self) {
        let Some(path) = &self.0.path else { return };
        match Output::open(path) {
            Ok(output) => {
                *self.0.output.lock().unwrap_or_else(PoisonError::into_inner) = output;
                tracing::info!(path = %path.display(), "audit file reopened");
            }
            Err(error) => tracing::error!(path = %path.display(), %error, "audit file not reopened"),
        }
    }

    /// Returns the layer that writes the audit.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let lines = layer()
            .json()
            .flatten_event(true)
            .with_level(false)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(self.clone());
        let decisions = filter_fn(|metadata| metadata.target() == TARGET).with_max_level_hint(Level::INFO);
        lines.with_filter(decisions)
    }
}

impl<'w> MakeWriter<'w> for AuditSink {
    type Writer = LineWriter<'w>;

    fn make_writer(&'w self) -> LineWriter<'w> {
        LineWriter(&self.0)
    }
}

/// A writer of one line. A line that cannot be written is counted: no error reaches the code that logs it.
#[derive(Debug)]
pub struct LineWriter<'w>(&'w Sink);

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let sink = self.0;
        let written = sink.output.lock().unwrap_or_else(PoisonError::into_inner).write(line);
        let fails = written.is_err();
        if fails && let Some(failures) = sink.failures.get() {
            failures.inc();
        }
        if sink.is_failing.swap(fails, Ordering::Relaxed) != fails {
            sink.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
