//! Everything that is wrong with a policy, said at once.

use std::fmt;
use std::path::{Path, PathBuf};

/// A policy that cannot be used: one line for each rule that is broken.
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
        write!(f, "the policy {} cannot be used:", self.path.display())?;
        self.problems.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Collects them, each with the place in the file.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, place: impl fmt::Display, rule: impl fmt::Display) {
        self.0.push(format!("{place}: {rule}"));
    }

    /// The value, or nothing and one line more.
    pub(super) fn take<T>(&mut self, place: impl fmt::Display, parsed: Result<T, impl fmt::Display>) -> Option<T> {
        parsed.map_err(|rule| self.add(place, rule)).ok()
    }

    /// Each that is valid, and one line more for each that is not.
    pub(super) fn each<T>(&mut self, place: impl fmt::Display, texts: &[String]) -> Vec<T>
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        let each = texts.iter().enumerate();
        each.filter_map(|(index, text)| self.take(format_args!("{place}[{index}]"), text.parse()))
            .collect()
    }

    /// The value if nothing was wrong.
    pub(super) fn finish<T>(self, path: &Path, value: T) -> Result<T, InvalidPolicy> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(InvalidPolicy::new(path, self.0))
        }
    }
}
