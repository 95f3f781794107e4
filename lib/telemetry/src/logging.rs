//! Logs to standard error, as text or JSON.
//!
//! Presigned URLs, signatures and secrets never reach a log. Our own types redact them. Events of dependencies below
//! `info`, which contain whole requests, are dropped whatever `RUST_LOG` says.

use std::fmt;
use std::io::{IsTerminal as _, stderr};
use std::str::FromStr;

use draftstore_config::settings;
use tracing::{Level, Metadata, dispatcher};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::traces::{self, Sender, TraceError, TraceSettings};
use crate::{AuditSink, Program, audit, panics};

/// The prefix of the targets of our own crates.
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

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people, one event per line.
    Text,
    /// JSON, one object per line.
    Json,
}

/// The error of a text that is not a log format.
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

/// A filter of log events, in the syntax of `RUST_LOG`.
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

/// The reason why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Logging was started before in this process.
    #[error(transparent)]
    Again(#[from] TryInitError),
    /// The exporter of traces cannot be built.
    #[error("traces cannot be sent: {0}")]
    Traces(#[from] TraceError),
}

/// Starts logs, and traces and the audit log if they are configured. Call it once per process.
///
/// From then on a panic is logged with its location, without its message. Returns the sender of traces, or `None` if
/// there are no traces.
///
/// # Errors
/// See [`StartError`].
pub fn start(
    settings: &LogSettings,
    traces: Option<&TraceSettings>,
    audit: Option<&AuditSink>,
    program: Program,
) -> Result<Option<Sender>, StartError> {
    // Without a hint of its own, this filter would keep the other's from taking effect: every span and event of every
    // dependency would be looked at, which is most of what a request costs.
    let without_secrets = filter_fn(holds_no_secrets).with_max_level_hint(LevelFilter::TRACE);
    let filter = EnvFilter::new(&settings.filter.0).and(without_secrets);
    let lines = layer().with_writer(stderr);
    let lines = match settings.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A layer that is absent would still be asked about every span and event, so that only those in use are here.
    let mut layers = vec![lines.with_filter(filter).boxed()];
    layers.extend(audit.map(|audit| audit.layer().boxed()));
    let sender = match traces {
        Some(settings) => {
            let (layer, sender) = traces::layer(settings, program)?;
            layers.push(layer.boxed());
            Some(sender)
        }
        None => None,
    };
    tracing_subscriber::registry().with(layers).try_init()?;
    panics::log_to(dispatcher::get_default(Clone::clone));
    Ok(sender)
}

fn holds_no_secrets(metadata: &Metadata<'_>) -> bool {
    let is_ours = metadata.target().starts_with(OUR_TARGETS);
    (is_ours || *metadata.level() <= Level::INFO) && metadata.target() != audit::TARGET
}
