//! Violations of the rules for the fields of a request.

use std::fmt;

/// A field of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The name of the field in the contract, such as `object_name` or `metadata.author`.
    pub field: String,
    /// The rule, beginning with a verb: "must be …".
    pub rule: String,
}

impl Violation {
    /// Creates a violation of `rule` by `field`.
    pub fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            rule: rule.into(),
        }
    }

    /// Returns the violation with the field's name prefixed by the message that contains it.
    pub(crate) fn within(self, outer: impl fmt::Display) -> Self {
        Self {
            field: format!("{outer}.{}", self.field),
            rule: self.rule,
        }
    }
}

/// A collector of violations, so that one response reports every broken rule.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    /// Returns the value, or records the violation and returns `None`.
    pub(crate) fn take<T>(&mut self, checked: Result<T, Violation>) -> Option<T> {
        checked.map_err(|violation| self.0.push(violation)).ok()
    }

    /// Returns the value of an optional field, or records its violation and returns `None`.
    pub(crate) fn take_optional<T>(&mut self, checked: Option<Result<T, Violation>>) -> Option<T> {
        checked.and_then(|checked| self.take(checked))
    }

    /// Returns the violations recorded so far.
    pub(crate) fn as_slice(&self) -> &[Violation] {
        &self.0
    }

    /// Returns all recorded violations.
    pub(crate) fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}
