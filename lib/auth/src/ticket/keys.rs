//! The keys that sign tickets.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _};
use sha2::Sha256;

/// The minimum length of a secret, in bytes: the length of the hash. Source: RFC 2104, section 3.
const MIN_SECRET_BYTES: usize = 32;

/// The maximum length of a key ID, in bytes. It is a part of every ticket.
const MAX_ID_BYTES: usize = 32;

/// A key that signs tickets, with its ID.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKey {
    id: String,
    secret: Vec<u8>,
}

/// The current keys. The first signs, and all verify. A ticket of any other key is invalid, so removing a key revokes
/// its tickets.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKeys(Vec<TicketKey>);

impl TicketKey {
    /// Creates a key from random bytes.
    pub fn new(id: [u8; 4], secret: [u8; MIN_SECRET_BYTES]) -> Self {
        Self {
            id: format!("{:08x}", u32::from_be_bytes(id)),
            secret: secret.to_vec(),
        }
    }

    /// Returns the line of the key for a file of keys. It is a secret.
    pub fn line(&self) -> String {
        format!("{}:{}", self.id, STANDARD.encode(&self.secret))
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.secret).expect("HMAC takes a key of any length")
    }
}

impl TicketKeys {
    /// Creates a set with one key.
    pub fn only(key: TicketKey) -> Self {
        Self(vec![key])
    }

    /// Parses lines of `id:base64`, with a key of at least 32 bytes. Empty lines and lines that begin with `#` are
    /// ignored.
    ///
    /// # Errors
    /// The error of the first invalid line, which is not quoted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<TicketKey> = Vec::new();
        for (place, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key: TicketKey = line.parse().map_err(|rule| format!("line {}: {rule}", place + 1))?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(format!("line {}: duplicate ID", place + 1));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err("no key found".to_owned());
        }
        Ok(Self(keys))
    }

    /// Returns the secrets of all keys, the one that signs first.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|key| key.secret.as_slice())
    }

    /// Returns the key that signs.
    pub(super) fn first(&self) -> &TicketKey {
        &self.0[0]
    }

    /// Returns the key with this ID.
    pub(super) fn find(&self, id: &str) -> Option<&TicketKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

impl FromStr for TicketKey {
    type Err = &'static str;

    fn from_str(line: &str) -> Result<Self, &'static str> {
        let (id, secret) = line.split_once(':').ok_or("must be id:key, the key in base64")?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(plain) {
            return Err("the ID must have 1 to 32 characters of A-Z, a-z, 0-9, '-' and '_'");
        }
        let secret = STANDARD
            .decode(secret)
            .map_err(|_| "the key must be in base64, padded")?;
        if secret.len() < MIN_SECRET_BYTES {
            return Err("the key must have at least 32 bytes");
        }
        let id = id.to_owned();
        Ok(Self { id, secret })
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_parsed_by_line_and_redacted_in_debug() {
        let (new, old) = (
            TicketKey::new([0, 0, 0, 1], [7; 32]),
            TicketKey::new([0, 0, 0, 2], [8; 32]),
        );
        let text = format!("# rotated in May\n{}\n\n  {}  \n", new.line(), old.line());
        let keys = TicketKeys::parse(&text).expect("valid");
        assert_eq!(keys.first(), &new);
        assert_eq!(keys.find("00000002"), Some(&old));
        assert_eq!(keys.find("00000003"), None);
        let secret = new.line().split_off(9);
        assert!(!format!("{keys:?} {new:?}").contains(&secret));
    }

    #[test]
    fn invalid_line_is_numbered_and_not_quoted() {
        let good = TicketKey::new([0; 4], [7; 32]).line();
        let short = format!("a:{}", STANDARD.encode([7; 31]));
        for (text, reason) in [
            ("", "no key"),
            ("# none\n", "no key"),
            ("hush", "line 1: must be id:key"),
            (":aHVzaA==", "line 1: the ID"),
            ("a b:aHVzaA==", "line 1: the ID"),
            (&format!("{good}\na:hush!"), "line 2: the key must be in base64"),
            (&short, "line 1: the key must have at least 32"),
            (&format!("{good}\n{good}"), "line 2: duplicate ID"),
        ] {
            let error = TicketKeys::parse(text).expect_err(text);
            assert!(error.contains(reason) && !error.contains("hush"), "{text}: {error}");
        }
    }
}
