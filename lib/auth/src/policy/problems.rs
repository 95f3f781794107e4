//! The errors of a policy, all of which are reported at once.

use std::fmt;
use std::path::{Path, PathBuf};

/// The error of an invalid policy, with one line for each broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPolicy {
    path: PathBuf,
    problems: Vec<String>,
}

impl InvalidPolicy {
    pub(crate) fn new(path: &Path, problems: Vec<String>) -> Self {
        Self {
            path: path.to_owned(),
            problems,
        }
    }
}

impl std::error::Error for InvalidPolicy {}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid policy {}:", self.path.display())?;
        self.problems.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Collects errors, each with its place in the file.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, place: impl fmt::Display, rule: impl fmt::Display) {
        self.0.push(format!("{place}: {rule}"));
    }

    /// Returns the value, or records the error.
    pub(super) fn take<T>(&mut self, place: impl fmt::Display, parsed: Result<T, impl fmt::Display>) -> Option<T> {
        parsed.map_err(|rule| self.add(place, rule)).ok()
    }

    /// Parses each text, and records an error for each invalid one.
    pub(super) fn each<T>(&mut self, place: impl fmt::Display, texts: &[String]) -> Vec<T>
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        let each = texts.iter().enumerate();
        each.filter_map(|(index, text)| self.take(format_args!("{place}[{index}]"), text.parse()))
            .collect()
    }

    /// Returns the value, or all errors if there are any.
    pub(super) fn finish<T>(self, path: &Path, value: T) -> Result<T, InvalidPolicy> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(InvalidPolicy::new(path, self.0))
        }
    }
}
