//! What is said: results on standard output, everything else on standard error, for people or as JSON.

use std::fmt;
use std::io::{self, Write as _};

use draftstore_proto::Timestamp;
use indicatif::BinaryBytes;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::progress::Progress;

/// Where results, notices and failures go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    pub(crate) progress: Progress,
}

impl Output {
    /// With progress bars where standard error is a terminal, and not when quiet.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            progress: Progress::new(quiet),
        }
    }

    /// A result: a line of JSON, or the text.
    ///
    /// # Errors
    /// When nobody reads standard output any more.
    pub(crate) fn result(&self, value: &impl Serialize, text: &str) -> Result<(), Failure> {
        if self.json {
            let line = serde_json::to_string(value);
            self.print(&line.map_err(|error| Failure::nonsense(format!("an answer is no JSON: {error}")))?)
        } else if text.is_empty() {
            Ok(())
        } else {
            self.print(text)
        }
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        let printed = self.progress.suspend(|| {
            let mut out = io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        });
        printed.map_err(|error| Failure::local("standard output cannot be written", &error))
    }

    /// Something worth knowing that is no failure.
    pub(crate) fn notice(&self, message: &str) {
        if !self.quiet {
            self.complain(&json!({"notice": {"message": message}}), message);
        }
    }

    /// The failure of a run, or of one of its files.
    pub(crate) fn failure(&self, failure: &Failure, file: Option<&str>) {
        let mut error = json!({ "error": failure });
        let mut text = failure.message.clone();
        if let Some(file) = file {
            error["error"]["file"] = Value::from(file);
            text = format!("{file}: {text}");
        }
        self.complain(&error, &text);
    }

    fn complain(&self, value: &Value, text: &str) {
        self.progress.suspend(|| {
            let line = if self.json {
                value.to_string()
            } else {
                format!("draftctl: {text}")
            };
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr().lock(), "{line}");
        });
    }
}

/// A size for people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size(pub(crate) i64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = u64::try_from(self.0).unwrap_or(0);
        f.pad(&BinaryBytes(bytes).to_string())
    }
}

/// A number of bytes in JSON: text, like every 64-bit integer of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) i64);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A moment for people: as in JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When(pub(crate) Timestamp);

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_value(self.0) {
            Ok(Value::String(text)) => f.pad(&text),
            _ => f.pad("-"),
        }
    }
}
