//! The environment that settings are read from, and every error in it.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::Settings;

/// Environment variables, and the errors found in them so far.
#[derive(Debug, Default)]
pub struct Environment {
    pairs: Vec<(String, String)>,
    errors: Vec<String>,
}

impl Environment {
    /// Takes the environment of this process.
    pub fn of_process() -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self::from_pairs(std::env::vars_os().map(|(name, value)| (text(name), text(value))))
    }

    /// Takes the given variables.
    pub fn from_pairs<T: Into<String>>(pairs: impl IntoIterator<Item = (T, T)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self {
            pairs: pairs.collect(),
            errors: Vec::new(),
        }
    }

    /// Returns true if the variable is set and not empty.
    pub fn has(&self, name: &str) -> bool {
        let mut pairs = self.pairs.iter();
        pairs.any(|(set, value)| set.eq_ignore_ascii_case(name) && !value.is_empty())
    }

    /// Loads a struct of settings.
    ///
    /// # Errors
    /// [`Invalid`] if one of its values is invalid.
    pub fn load<T: Settings>(&mut self) -> Result<T, Invalid> {
        T::load(self)
    }

    /// Reads variables into a struct, given pairs of a variable's name and its field. For [`settings!`](crate::settings).
    /// An empty variable counts as not set.
    ///
    /// # Errors
    /// [`Invalid`] if a variable is set twice, in different letter case.
    pub fn read<T: DeserializeOwned>(&mut self, fields: &[(&str, &str)]) -> Result<T, Invalid> {
        let set = self.pairs.iter().filter(|(_, value)| !value.is_empty());
        let values = set.filter_map(|(name, value)| {
            let field = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some((field.1.to_owned(), value.clone()))
        });
        let read = envy::from_iter(values.collect::<Vec<_>>());
        self.check("environment", read)
    }

    /// Parses the value of a variable.
    ///
    /// # Errors
    /// [`Invalid`] if it breaks a rule.
    pub fn parse<T, E: fmt::Display>(
        &mut self,
        name: &str,
        value: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Invalid> {
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return self.reject(name, "must be UTF-8");
        }
        let parsed = parse(value).map_err(|error| match shown(name, value) {
            Some(shown) => {
                let (value, shown) = (format!("{value:?}"), format!("{shown:?}"));
                let error = error.to_string().replace(&value, &shown);
                if error.contains(&shown) {
                    error
                } else {
                    format!("{shown}: {error}")
                }
            }
            None => error.to_string(),
        });
        self.check(name, parsed)
    }

    /// Returns the value, or adds the error to those of the environment.
    ///
    /// # Errors
    /// [`Invalid`] if there is an error.
    pub fn check<T>(&mut self, name: &str, result: Result<T, impl fmt::Display>) -> Result<T, Invalid> {
        result.or_else(|error| self.reject(name, error))
    }

    /// Adds an error to those of the environment: the rule that the variable breaks.
    ///
    /// # Errors
    /// [`Invalid`] always.
    pub fn reject<T>(&mut self, name: &str, rule: impl fmt::Display) -> Result<T, Invalid> {
        self.errors.push(format!("{name}: {rule}"));
        Err(Invalid)
    }

    /// Returns the configuration, or every error.
    ///
    /// # Errors
    /// [`InvalidConfig`] if a variable breaks a rule.
    pub fn finish<T>(self, config: Result<T, Invalid>) -> Result<T, InvalidConfig> {
        match config {
            Ok(config) if self.errors.is_empty() => Ok(config),
            _ => Err(InvalidConfig(self.errors)),
        }
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }
}

/// Returns the value as errors show it: without the user and password of a URL. A secret is not shown.
fn shown(name: &str, value: &str) -> Option<String> {
    const SECRETS: [&str; 4] = ["HEADERS", "PASSWORD", "SECRET", "TOKEN"];
    if SECRETS.iter().any(|word| name.contains(word)) {
        return None;
    }
    Some(match (value.find("://"), value.rfind('@')) {
        (Some(scheme), Some(end)) if scheme < end => format!("{}…{}", &value[..scheme + 3], &value[end..]),
        (_, _) => value.to_owned(),
    })
}

/// A mark for an invalid setting. The error itself is in the environment that the setting was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// The error of a configuration, with one line for each variable that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConfig(Vec<String>);

impl std::error::Error for InvalidConfig {}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid configuration:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
