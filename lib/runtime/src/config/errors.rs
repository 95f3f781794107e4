//! Everything that is wrong with a configuration, said at once.

use std::fmt;

/// A configuration that cannot be used: one line for each variable that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConfig(Vec<String>);

impl std::error::Error for InvalidConfig {}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration cannot be used:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Collects them.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<String>);

impl Errors {
    /// The value, or nothing and one line more.
    pub(super) fn take<T>(&mut self, name: &str, parsed: Result<T, impl fmt::Display>) -> Option<T> {
        parsed.map_err(|error| self.0.push(format!("{name}: {error}"))).ok()
    }

    /// The variable's value by its `FromStr`; none where it is not set.
    pub(super) fn parse<T>(&mut self, name: &str, value: Option<String>) -> Option<T>
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        let value = value?;
        if value.is_empty() {
            return self.take::<T>(name, Err("must not be empty: unset it for the default"));
        }
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return self.take::<T>(name, Err("must be UTF-8"));
        }
        let parsed = value.parse::<T>();
        self.take(name, parsed.map_err(|error| format!("{value:?}: {error}")))
    }

    /// One line more.
    pub(super) fn add(&mut self, line: impl Into<String>) {
        self.0.push(line.into());
    }

    /// The value if nothing was wrong.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, InvalidConfig> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(InvalidConfig(self.0)),
        }
    }
}
