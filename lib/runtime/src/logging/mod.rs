//! Logs to standard error, as text or JSON.
//!
//! Presigned URLs, signatures and secrets do not get in: our own types do not show them, and what dependencies say
//! below `info`, which is whole requests with their headers, is left out whatever `RUST_LOG` asks for.

mod fields;

use std::fmt;
use std::io::{IsTerminal as _, stderr};
use std::str::FromStr;

use draftstore_config::settings;
use tracing::{Level, Metadata, dispatcher};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use self::fields::{JsonFields, TextFields};
use crate::traces::{self, Sender, TraceSettings};
use crate::{AuditLog, Program, audit, panics};

/// Our own crates' targets begin so.
const OUR_TARGETS: &str = "draftstore";

settings! {
    /// The settings of logs.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LogSettings in "Logs" {
        /// The format of the log, which goes to standard error: `text` or `json`.
        pub format: LogFormat = "LOG_FORMAT", default "text", str::parse;
        /// The filter of the log, as tracing directives. Dependencies log nothing below `info`.
        pub filter: LogFilter = "RUST_LOG", default "info,tokio_cron_scheduler=warn", str::parse;
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Why a text is no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 'text' or 'json'")]
pub struct InvalidLogFormat;

impl FromStr for LogFormat {
    type Err = InvalidLogFormat;

    fn from_str(text: &str) -> Result<Self, InvalidLogFormat> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(InvalidLogFormat),
        }
    }
}

/// What to log: directives as `RUST_LOG` has them.
#[derive(Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl FromStr for LogFilter {
    type Err = tracing_subscriber::filter::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EnvFilter::builder().parse(text).map(|_| Self(text.to_owned()))
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why logging does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It was started before.
    #[error(transparent)]
    Again(#[from] TryInitError),
    /// The audit cannot be written where it shall be.
    #[error("AUDIT_LOG: the file cannot be written to: {0}")]
    Audit(#[source] std::io::Error),
    /// Traces cannot be sent where they shall go.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Starts logging as configured, once for a process, and the traces; the audit where it is given. Panics are logged from then
/// on, by their place alone. Gives what sends traces, where they are sent.
///
/// # Errors
/// See [`StartError`].
pub fn start(
    settings: &LogSettings,
    traces: Option<&TraceSettings>,
    audit: &AuditLog,
    program: Program,
) -> Result<Option<Sender>, StartError> {
    let audit = audit.layer().map_err(StartError::Audit)?;
    let filter = EnvFilter::new(&settings.filter.0).and(filter_fn(holds_no_secrets));
    let (traces, sender) = match traces {
        Some(settings) => {
            let (layer, sender) = traces::layer(settings, program)?;
            (Some(layer), Some(sender))
        }
        None => (None, None),
    };
    let lines = match settings.format {
        LogFormat::Text => {
            let lines = layer().with_writer(stderr).with_ansi(stderr().is_terminal());
            lines.fmt_fields(TextFields).boxed()
        }
        LogFormat::Json => {
            let lines = layer().with_writer(stderr).json().flatten_event(true);
            lines.fmt_fields(JsonFields).boxed()
        }
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(audit)
        .with(traces)
        .try_init()?;
    panics::log_to(dispatcher::get_default(Clone::clone));
    Ok(sender)
}

fn holds_no_secrets(metadata: &Metadata<'_>) -> bool {
    let is_ours = metadata.target().starts_with(OUR_TARGETS);
    (is_ours || *metadata.level() <= Level::INFO) && metadata.target() != audit::TARGET
}
