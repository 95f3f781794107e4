//! The `upload_id` that callers are given: everything that the calls on an upload need to know, since nothing is kept here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_storage::{ObjectKey, UploadId};
use sha2::{Digest as _, Sha256};

use super::part_size::{MAX_PART_BYTES, MAX_UPLOAD_BYTES, MIN_PART_BYTES, part_count};

/// The store's ID of an upload, and how it was begun. Text form: base64url, opaque to callers.
///
/// Bound to the draft's key by a digest, so that an ID meant for another draft, or one that lost a letter on its way, is
/// told from a good one before anything is asked of the store. It is not sealed, and need not be: the store finds an upload
/// only under the key that it was begun for, and whoever changes the rest says of an upload what they could as well have
/// said when they began it. What a backend relies on are its pins at the confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The store's own ID.
    pub upload_id: UploadId,
    /// The mark that the draft bears which the parts become.
    pub mark: Mark,
    /// The size of the whole, where it was said.
    pub content_length: Option<u64>,
    /// The size of every part but the last.
    pub part_size: u64,
    /// Whether every part comes with its SHA-256.
    pub part_checksums: bool,
    /// When the upload ends, in whole seconds.
    pub ends_at: SystemTime,
}

/// A random mark that tells one upload from every other, also when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; MARK_BYTES]);

const MARK_BYTES: usize = 16;
const DIGEST_BYTES: usize = 16;

/// Of this layout; another gets another.
const VERSION: u8 = 1;

const HAS_CONTENT_LENGTH: u8 = 1;
const HAS_PART_CHECKSUMS: u8 = 2;

/// Longer than any that a store gives: AWS's have some 130 characters.
const MAX_UPLOAD_ID_BYTES: usize = 2048;

impl Token {
    /// Returns its text form for callers, bound to this key.
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

    /// Reads a text that was encoded for this key. Returns `None` for any other text.
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

    /// Returns how many parts make the whole, where its size was said.
    pub fn part_count(&self) -> Option<u16> {
        self.content_length.and_then(|bytes| part_count(bytes, self.part_size))
    }

    /// Whether there can be such an upload.
    fn is_possible(&self) -> bool {
        let fits = |bytes| bytes <= MAX_UPLOAD_BYTES && part_count(bytes, self.part_size).is_some();
        (MIN_PART_BYTES..=MAX_PART_BYTES).contains(&self.part_size) && self.content_length.is_none_or(fits)
    }
}

impl Mark {
    /// Makes a mark of random bits.
    pub fn new(random: u128) -> Self {
        Self(random.to_be_bytes())
    }

    /// Returns its text form for metadata.
    pub fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

fn digest(key: &ObjectKey, content: &[u8]) -> [u8; DIGEST_BYTES] {
    // No key has a NUL in it, so that this is one text for each pair.
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
    fn what_goes_in_comes_out_for_the_same_key_alone() {
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
    fn what_was_not_encoded_is_refused() {
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
    fn parts_of_no_size_and_too_many_parts_are_no_upload() {
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
