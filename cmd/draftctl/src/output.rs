//! Output: results to standard output, everything else to standard error, as text or as JSON.

use std::fmt;
use std::io::{self, Write as _};

use draftstore_proto::Timestamp;
use indicatif::BinaryBytes;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::progress::Progress;

/// The printer of results, notices and errors.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    pub(crate) progress: Progress,
}

impl Output {
    /// Shows progress bars if standard error is a terminal, unless `quiet`.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            progress: Progress::new(quiet),
        }
    }

    /// Prints a result: `value` as a line of JSON, or `text`.
    ///
    /// # Errors
    /// Returns an error if standard output is closed, or cannot be written.
    pub(crate) fn result(&self, value: &impl Serialize, text: &str) -> Result<(), CommandError> {
        if self.json {
            let line = serde_json::to_string(value);
            let mut line = line.map_err(|error| {
                CommandError::unexpected_response(format!("the response cannot be written as JSON: {error}"))
            })?;
            line.push('\n');
            self.print(line.as_bytes())
        } else {
            self.print(format!("{text}\n").as_bytes())
        }
    }

    /// Prints text to standard output as it is.
    ///
    /// # Errors
    /// Returns an error if standard output is closed, or cannot be written.
    pub(crate) fn print(&self, text: &[u8]) -> Result<(), CommandError> {
        let printed = self.progress.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(text).and_then(|()| out.flush())
        });
        printed.map_err(|error| CommandError::output(&error))
    }

    /// Prints an informative message, unless `quiet`.
    pub(crate) fn notice(&self, message: &str) {
        if !self.quiet {
            self.eprint(&json!({"notice": {"message": message}}), message);
        }
    }

    /// Prints the error of a run, or of one of its files. A closed output is no error of the command.
    pub(crate) fn failure(&self, failure: &CommandError, file: Option<&str>) {
        if failure.exit == Exit::OutputClosed {
            return;
        }
        let mut error = json!({ "error": failure });
        let mut text = failure.message.clone();
        if let Some(file) = file {
            error["error"]["file"] = Value::from(file);
            text = format!("{file}: {text}");
        }
        self.eprint(&error, &text);
    }

    fn eprint(&self, value: &Value, text: &str) {
        self.progress.suspend(|| {
            let line = if self.json {
                value.to_string()
            } else {
                format!("draftctl: {text}")
            };
            // If standard error is closed, the message cannot be reported.
            let _ = writeln!(io::stderr().lock(), "{line}");
        });
    }
}

/// A size in bytes, formatted for people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HumanSize(pub(crate) i64);

impl fmt::Display for HumanSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = u64::try_from(self.0).unwrap_or(0);
        f.pad(&BinaryBytes(bytes).to_string())
    }
}

/// A number of bytes as a JSON string, like every 64-bit integer of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonBytes(pub(crate) i64);

impl Serialize for JsonBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A result with the name of its object, for the results of several objects.
#[derive(Debug, Serialize)]
pub(crate) struct OfObject<'a, T> {
    pub(crate) object_name: &'a str,
    #[serde(flatten)]
    pub(crate) result: &'a T,
}

/// A time, formatted for people as in JSON, in whole seconds: so all have the same width.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HumanTime(pub(crate) Timestamp);

impl fmt::Display for HumanTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_value(Timestamp { nanos: 0, ..self.0 }) {
            Ok(Value::String(text)) => f.pad(&text),
            _ => f.pad("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use draftstore_proto::v1::DeleteObjectResponse;

    use super::*;

    #[test]
    fn times_have_the_same_width() {
        for nanos in [0, 10_000_000, 123_000_000, 999_999_999] {
            let time = HumanTime(Timestamp {
                seconds: 1_800_000_000,
                nanos,
            });
            assert_eq!(time.to_string(), "2027-01-15T08:00:00Z", "{nanos}");
        }
    }

    #[test]
    fn a_result_of_an_object_begins_with_its_name() {
        let result = &DeleteObjectResponse::default();
        let line = serde_json::to_string(&OfObject {
            object_name: "a",
            result,
        });
        let line = line.expect("JSON");
        assert!(line.starts_with(r#"{"object_name":"a","deleted":false"#), "{line}");
    }
}
