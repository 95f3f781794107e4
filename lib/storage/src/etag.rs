//! Entity tags.

use std::fmt;
use std::str::FromStr;

/// An object's `ETag`, without its quotes. Two are compared, and neither is parsed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ETag(String);

/// The error for a string that is not a valid `ETag`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an ETag must have 1 to 128 visible ASCII characters, in quotes or bare, and must not be weak")]
pub struct InvalidETag;

/// The maximum length in bytes. Longer than the `ETag` of any store (MD5 in hex, a dash and a part count).
const MAX_ETAG_BYTES: usize = 128;

impl ETag {
    /// Returns the tag without quotes, as in JSON responses.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the tag in quotes, as in HTTP headers.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

/// The length of an MD5 in hexadecimal digits.
const MD5_DIGITS: usize = 32;

impl ETag {
    /// Returns `true` if the tag can be the MD5 of the bytes. The tag of an object of several parts cannot.
    pub fn may_be_md5(&self) -> bool {
        self.0.len() == MD5_DIGITS && self.0.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl FromStr for ETag {
    type Err = InvalidETag;

    /// Parses a tag with or without quotes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
        let visible = bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        let valid = visible && (1..=MAX_ETAG_BYTES).contains(&bare.len()) && bare != "*";
        valid.then(|| Self(bare.to_owned())).ok_or(InvalidETag)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_are_the_same() {
        let quoted: ETag = "\"abc-2\"".parse().expect("valid");
        let bare: ETag = "abc-2".parse().expect("valid");
        assert_eq!(quoted, bare);
        assert_eq!(bare.quoted(), "\"abc-2\"");
    }

    #[test]
    fn etag_of_parts_is_no_md5() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        for (text, expected) in [
            (md5.to_owned(), true),
            (format!("{md5}-1"), false),
            (md5.replace('d', "g"), false),
        ] {
            assert_eq!(text.parse::<ETag>().expect("valid").may_be_md5(), expected, "{text}");
        }
    }

    #[test]
    fn invalid_etags_are_refused() {
        for bad in ["", "\"\"", "*", "W/\"x\"", "a b", "a\"b", "ü", &"a".repeat(129)] {
            assert_eq!(bad.parse::<ETag>(), Err(InvalidETag), "{bad}");
        }
    }
}
