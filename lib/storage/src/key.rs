//! Object keys.

use std::fmt;
use std::str::FromStr;

/// An object key: 1–1,024 bytes of UTF-8, kept verbatim.
///
/// The rules for the names that callers choose are stricter. They belong to the service, not to the store.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

/// The error for a string that is not a valid object key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an object key must have 1 to 1024 bytes of UTF-8")]
pub struct InvalidObjectKey;

/// The maximum length of a key in S3, in bytes of UTF-8.
const MAX_KEY_BYTES: usize = 1024;

impl ObjectKey {
    /// Creates a key from a string, without changing it.
    ///
    /// # Errors
    /// Returns [`InvalidObjectKey`] if the string is empty or longer than 1,024 bytes.
    pub fn new(key: impl Into<String>) -> Result<Self, InvalidObjectKey> {
        let key = key.into();
        if (1..=MAX_KEY_BYTES).contains(&key.len()) {
            Ok(Self(key))
        } else {
            Err(InvalidObjectKey)
        }
    }

    /// Returns the key without any encoding.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidObjectKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
