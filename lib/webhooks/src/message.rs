//! A message, with the ID by which its receiver knows that it came before.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

/// The maximum length of a message's ID in bytes.
const MAX_ID_BYTES: usize = 128;

/// A message to send: JSON with an ID, which stays the same when the message is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The ID of the message.
    pub id: MessageId,
    /// The media type of the body, such as `application/json`.
    pub content_type: &'static str,
    /// The JSON of the message.
    pub body: Bytes,
}

/// The ID of a message: 1 to 128 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(String);

/// A text that is not the ID of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ID of a message must be 1 to 128 letters, digits, - and _")]
pub struct InvalidMessageId;

impl MessageId {
    /// Returns the text of the ID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    fn from_str(text: &str) -> Result<Self, InvalidMessageId> {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let valid = (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(is_valid);
        valid.then(|| Self(text.to_owned())).ok_or(InvalidMessageId)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_no_separator_of_what_is_signed() {
        assert!("evt_Az09-".parse::<MessageId>().is_ok());
        for bad in ["", "a.b", "a b", "ü", "a\n", &"a".repeat(129)] {
            assert_eq!(bad.parse::<MessageId>(), Err(InvalidMessageId), "{bad:?}");
        }
    }
}
