//! The names of callers and issuers.

use std::str::FromStr;

/// The maximum length of a name, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// A name that needs no escapes in logs, and no quotes in a TOML table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerName(String);

/// The error of a text that is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name must have 1 to 63 characters of A-Z, a-z, 0-9, '-' and '_'")]
pub struct InvalidCallerName;

impl CallerName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CallerName {
    type Err = InvalidCallerName;

    fn from_str(text: &str) -> Result<Self, InvalidCallerName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCallerName)
        }
    }
}
