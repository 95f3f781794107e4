//! What is wrong with a request, field by field.

use std::fmt;

/// A field of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field by its name in the contract, such as `object_name` or `metadata.author`.
    pub field: String,
    /// The rule, as a sentence that begins with a verb: "must be …".
    pub rule: String,
}

impl Violation {
    /// Says that `field` breaks `rule`.
    pub fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            rule: rule.into(),
        }
    }

    /// The same of a field in a message that is a field itself.
    pub(crate) fn within(self, outer: impl fmt::Display) -> Self {
        Self {
            field: format!("{outer}.{}", self.field),
            rule: self.rule,
        }
    }
}

/// Takes the values of several fields together, so that one answer names every broken rule.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    /// The value, or nothing and one violation more.
    pub(crate) fn take<T>(&mut self, checked: Result<T, Violation>) -> Option<T> {
        checked.map_err(|violation| self.0.push(violation)).ok()
    }

    /// The same for a field that need not be there.
    pub(crate) fn take_optional<T>(&mut self, checked: Option<Result<T, Violation>>) -> Option<T> {
        checked.and_then(|checked| self.take(checked))
    }

    /// What was broken so far.
    pub(crate) fn as_slice(&self) -> &[Violation] {
        &self.0
    }

    /// Everything that was broken.
    pub(crate) fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}
