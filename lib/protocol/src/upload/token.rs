//! The contents of a caller's `upload_id`: everything that later calls need, since the server keeps no state. The service
//! seals them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_storage::UploadId;

use super::part_size::{MAX_PART_BYTES, MAX_UPLOAD_BYTES, MIN_PART_BYTES, part_count};

/// The store's ID of an upload, and the parameters of the upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark([u8; MARK_BYTES]);

const MARK_BYTES: usize = 16;

/// The version of this layout.
const VERSION: u8 = 2;

const HAS_CONTENT_LENGTH: u8 = 1;
const HAS_PART_CHECKSUMS: u8 = 2;

/// The maximum length of a store's ID in bytes. Those of AWS have some 130 characters.
const MAX_UPLOAD_ID_BYTES: usize = 2048;

/// The last second of the year 9999, after which times have no text form in RFC 3339.
const MAX_END_SECONDS: u64 = 253_402_300_799;

impl Token {
    /// Returns the binary form, which must be sealed before a caller gets it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.encode_fixed();
        bytes.extend(self.upload_id.as_str().as_bytes());
        bytes
    }

    /// Returns the binary form without the store's ID.
    pub(super) fn encode_fixed(&self) -> Vec<u8> {
        let length = self.content_length.map_or(0, |_| HAS_CONTENT_LENGTH);
        let checksums = if self.part_checksums { HAS_PART_CHECKSUMS } else { 0 };
        let ends_at = self.ends_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut bytes = vec![VERSION, length | checksums];
        bytes.extend(self.mark.0);
        bytes.extend(ends_at.to_be_bytes());
        bytes.extend(self.content_length.unwrap_or(0).to_be_bytes());
        bytes.extend(self.part_size.to_be_bytes());
        bytes
    }

    /// Parses the binary form. Returns `None` for any other bytes, and for values that no upload has.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let [version, flags] = take(&mut rest)?;
        let mark = Mark(take(&mut rest)?);
        let ends_at = u64::from_be_bytes(take(&mut rest)?);
        let content_length = u64::from_be_bytes(take(&mut rest)?);
        let part_size = u64::from_be_bytes(take(&mut rest)?);
        let upload_id = std::str::from_utf8(rest).ok()?;
        let is_id = (1..=MAX_UPLOAD_ID_BYTES).contains(&rest.len()) && !upload_id.contains(char::is_control);
        if version != VERSION || ends_at > MAX_END_SECONDS || !is_id {
            return None;
        }
        let token = Self {
            upload_id: UploadId::new(upload_id),
            mark,
            content_length: (flags & HAS_CONTENT_LENGTH != 0).then_some(content_length),
            part_size,
            part_checksums: flags & HAS_PART_CHECKSUMS != 0,
            ends_at: UNIX_EPOCH.checked_add(Duration::from_secs(ends_at))?,
        };
        token.is_possible().then_some(token)
    }

    /// Returns the number of parts, if the size of the object is known.
    pub fn part_count(&self) -> Option<u16> {
        self.content_length.and_then(|bytes| part_count(bytes, self.part_size))
    }

    /// Returns the exact size of a part, if the size of the object is known: the last part has the rest.
    pub fn part_length(&self, number: u16) -> Option<u64> {
        let before = u64::from(number.saturating_sub(1)) * self.part_size;
        let left = self.content_length?.saturating_sub(before);
        Some(left.min(self.part_size))
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

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

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
    fn what_goes_in_comes_out() {
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
            assert_eq!(Token::decode(&token.encode()).as_ref(), Some(&token));
        }
    }

    #[test]
    fn what_was_not_encoded_is_refused() {
        let good = token().encode();
        let fixed = good.len() - token().upload_id.as_str().len();
        for place in 0..=fixed {
            assert_eq!(Token::decode(&good[..place]), None, "{place} bytes");
        }
        let other = [&[VERSION + 1], &good[1..]].concat();
        assert_eq!(Token::decode(&other), None, "another layout");
        for upload_id in ["", "a\r\nb", &"x".repeat(MAX_UPLOAD_ID_BYTES + 1)] {
            let wrong = Token {
                upload_id: UploadId::new(upload_id),
                ..token()
            };
            assert_eq!(Token::decode(&wrong.encode()), None, "{upload_id:?}");
        }
    }

    #[test]
    fn parts_have_the_size_of_the_object_together() {
        for bytes in [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 60 * MIB] {
            let token = Token {
                content_length: Some(bytes),
                ..token()
            };
            let count = token.part_count().expect("the size is known");
            let lengths: Vec<_> = (1..=count).filter_map(|number| token.part_length(number)).collect();
            assert_eq!((lengths.len(), lengths.iter().sum()), (usize::from(count), bytes));
            assert!(
                lengths[..lengths.len() - 1]
                    .iter()
                    .all(|length| *length == token.part_size)
            );
            assert_eq!(token.part_length(count + 1), Some(0));
        }
        let unknown = Token {
            content_length: None,
            ..token()
        };
        assert_eq!(unknown.part_length(1), None);
    }

    #[test]
    fn end_beyond_the_calendar_is_refused_and_never_panics() {
        let at = |seconds: u64| [&token().encode()[..18], &seconds.to_be_bytes(), &token().encode()[26..]].concat();
        assert!(Token::decode(&at(MAX_END_SECONDS)).is_some());
        for seconds in [MAX_END_SECONDS + 1, u64::MAX / 2, 1 << 63, u64::MAX] {
            assert_eq!(Token::decode(&at(seconds)), None, "{seconds}");
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
            assert_eq!(Token::decode(&wrong.encode()), None, "{wrong:?}");
        }
    }
}
