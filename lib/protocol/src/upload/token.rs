//! The `upload_id` of callers, which contains everything that later calls need, since the server keeps no state.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_storage::{ObjectKey, UploadId};
use sha2::{Digest as _, Sha256};

use super::part_size::{MAX_PART_BYTES, MAX_UPLOAD_BYTES, MIN_PART_BYTES, part_count};

/// The store's ID of an upload, and the parameters of the upload. Its text form is base64url, and opaque to callers.
///
/// A digest binds it to the draft's key, so that an ID of another draft, or a damaged one, is detected before any call
/// to the store. It is not signed, and need not be. The store finds an upload only under its own key, and a caller who
/// changes the other fields could as well have begun the upload with those values. Backends rely on their pins at the
/// confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The ID that the store gave the upload.
    pub upload_id: UploadId,
    /// The mark of the resulting draft.
    pub mark: Mark,
    /// The size of the object in bytes, if the caller announced it.
    pub content_length: Option<u64>,
    /// The size of every part but the last, in bytes.
    pub part_size: u64,
    /// Requires a SHA-256 for every part.
    pub part_checksums: bool,
    /// The end of the upload, in whole seconds.
    pub ends_at: SystemTime,
}

/// A random mark that identifies one upload, even after it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; MARK_BYTES]);

const MARK_BYTES: usize = 16;
const DIGEST_BYTES: usize = 16;

/// The version of this layout.
const VERSION: u8 = 1;

const HAS_CONTENT_LENGTH: u8 = 1;
const HAS_PART_CHECKSUMS: u8 = 2;

/// The maximum length of a store's ID in bytes. Those of AWS have some 130 characters.
const MAX_UPLOAD_ID_BYTES: usize = 2048;

impl Token {
    /// Returns the text form for callers, bound to this key.
    pub fn encode(&self, key: &ObjectKey) -> String {
        let length = self.content_length.map_or(0, |_| HAS_CONTENT_LENGTH);
        let checksums = if self.part_checksums { HAS_PART_CHECKSUMS } else { 0 };
        let ends_at = self.ends_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut content = vec![length | checksums];
        content.extend(self.mark.0);
        content.extend(ends_at.to_be_bytes());
        content.extend(self.content_length.unwrap_or(0).to_be_bytes());
        content.extend(self.part_size.to_be_bytes());
        content.extend(self.upload_id.as_str().as_bytes());
        let bound: &[&[u8]] = &[&[VERSION], &digest(key, &content), &content];
        URL_SAFE_NO_PAD.encode(bound.concat())
    }

    /// Parses a text that was encoded for this key. Returns `None` for any other text.
    pub fn decode(text: &str, key: &ObjectKey) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut rest = bytes.as_slice();
        let [version] = take(&mut rest)?;
        let bound_to: [u8; DIGEST_BYTES] = take(&mut rest)?;
        if version != VERSION || bound_to != digest(key, rest) {
            return None;
        }
        let [flags] = take(&mut rest)?;
        let mark = Mark(take(&mut rest)?);
        let ends_at = Duration::from_secs(u64::from_be_bytes(take(&mut rest)?));
        let content_length = u64::from_be_bytes(take(&mut rest)?);
        let part_size = u64::from_be_bytes(take(&mut rest)?);
        let upload_id = std::str::from_utf8(rest).ok()?;
        let token = Self {
            upload_id: UploadId::new(upload_id),
            mark,
            content_length: (flags & HAS_CONTENT_LENGTH != 0).then_some(content_length),
            part_size,
            part_checksums: flags & HAS_PART_CHECKSUMS != 0,
            ends_at: UNIX_EPOCH.checked_add(ends_at)?,
        };
        let is_id = (1..=MAX_UPLOAD_ID_BYTES).contains(&rest.len()) && !upload_id.contains(char::is_control);
        (is_id && token.is_possible()).then_some(token)
    }

    /// Returns the number of parts, if the size of the object is known.
    pub fn part_count(&self) -> Option<u16> {
        self.content_length.and_then(|bytes| part_count(bytes, self.part_size))
    }

    /// Returns true if the sizes are within the limits.
    fn is_possible(&self) -> bool {
        let fits = |bytes| bytes <= MAX_UPLOAD_BYTES && part_count(bytes, self.part_size).is_some();
        (MIN_PART_BYTES..=MAX_PART_BYTES).contains(&self.part_size) && self.content_length.is_none_or(fits)
    }
}

impl Mark {
    /// Creates a mark from random bits.
    pub fn new(random: u128) -> Self {
        Self(random.to_be_bytes())
    }

    /// Returns its text form for metadata.
    pub fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

fn digest(key: &ObjectKey, content: &[u8]) -> [u8; DIGEST_BYTES] {
    // A key contains no NUL, so each pair gives a different text.
    let digest = Sha256::new_with_prefix(key.as_str())
        .chain_update([0])
        .chain_update(content);
    *digest.finalize().first_chunk().expect("a SHA-256 has 32 bytes")
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn key(text: &str) -> ObjectKey {
        text.parse().expect("valid key")
    }

    fn token() -> Token {
        Token {
            upload_id: UploadId::new("2~ü/+=& .a_b-c"),
            mark: Mark::new(7),
            content_length: Some(60 * MIB),
            part_size: 8 * MIB,
            part_checksums: true,
            ends_at: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        }
    }

    #[test]
    fn token_round_trips_for_the_same_key_only() {
        let unknown = Token {
            content_length: None,
            part_checksums: false,
            ..token()
        };
        let empty = Token {
            content_length: Some(0),
            upload_id: UploadId::new("x".repeat(MAX_UPLOAD_ID_BYTES)),
            ..token()
        };
        assert_eq!((token().part_count(), empty.part_count()), (Some(8), Some(1)));
        for token in [token(), unknown, empty] {
            let text = token.encode(&key("a"));
            assert!(
                text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
                "{text}"
            );
            assert_eq!(Token::decode(&text, &key("a")).as_ref(), Some(&token));
            assert_eq!(Token::decode(&text, &key("b")), None);
        }
    }

    #[test]
    fn altered_or_foreign_token_is_rejected() {
        let good = token().encode(&key("a"));
        let bytes = URL_SAFE_NO_PAD.decode(&good).expect("base64url");
        for place in 0..bytes.len() {
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..place]);
            assert_eq!(Token::decode(&cut, &key("a")), None, "{place} bytes");
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(Token::decode(&changed, &key("a")), None, "byte {place}");
        }
        for bad in [
            "",
            "x",
            "a b",
            "ü",
            &format!("{good}="),
            &format!("{good}A"),
            &"A".repeat(4000),
        ] {
            assert_eq!(Token::decode(bad, &key("a")), None, "{bad}");
        }
        for upload_id in ["", "a\r\nb", &"x".repeat(MAX_UPLOAD_ID_BYTES + 1)] {
            let wrong = Token {
                upload_id: UploadId::new(upload_id),
                ..token()
            };
            assert_eq!(
                Token::decode(&wrong.encode(&key("a")), &key("a")),
                None,
                "{upload_id:?}"
            );
        }
    }

    #[test]
    fn token_with_invalid_part_sizes_is_rejected() {
        for (content_length, part_size) in [
            (Some(1), 0),
            (Some(1), MIN_PART_BYTES - 1),
            (None, MAX_PART_BYTES + 1),
            (Some(MAX_UPLOAD_BYTES), MIN_PART_BYTES),
            (Some(MAX_UPLOAD_BYTES + 1), MAX_PART_BYTES),
        ] {
            let wrong = Token {
                content_length,
                part_size,
                ..token()
            };
            assert_eq!(Token::decode(&wrong.encode(&key("a")), &key("a")), None, "{wrong:?}");
        }
    }
}
