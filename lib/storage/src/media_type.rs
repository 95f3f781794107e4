//! Media types.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::grammar::{is_plain, is_token, parameters, push_parameters, split_token};

/// A media type such as `text/plain; charset=utf-8`, in canonical form.
///
/// There is no other way to one than its parser, and only values of this type are signed or written to a store. It is
/// stricter than the grammar, so that no reader can take one type for another: no commas (browsers split at them), no
/// empty or repeated parameters, no wildcards, printable ASCII. Type, subtype and the names of parameters are in lower
/// case, and values are quoted only where they must be.
///
/// Source: RFC 9110, section 8.3
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaType {
    text: Cow<'static, str>,
    essence: usize,
}

/// The error for a string that is not a media type: the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMediaType(&'static str);

/// The name for bytes of which nothing is known.
const OCTET_STREAM: &str = "application/octet-stream";

/// The rule that a media type of another length breaks.
const LENGTH: &str = "must have 1 to 255 characters of printable ASCII, without space at either end";

impl MediaType {
    /// The maximum length in bytes, as it is parsed and in canonical form.
    pub const MAX_BYTES: usize = 255;

    /// The type of bytes of which nothing is known: `application/octet-stream`. Browsers save it.
    pub const OCTET_STREAM: &'static Self = &Self {
        text: Cow::Borrowed(OCTET_STREAM),
        essence: OCTET_STREAM.len(),
    };

    /// Returns the media type of an object as a store reports it, or [`MediaType::OCTET_STREAM`] if that is invalid.
    pub fn of_stored(text: Option<&str>) -> Self {
        text.and_then(|text| text.parse().ok())
            .unwrap_or_else(|| Self::OCTET_STREAM.clone())
    }

    /// Returns the whole media type, with its parameters.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns type and subtype, without parameters.
    pub fn essence(&self) -> &str {
        &self.text[..self.essence]
    }
}

impl FromStr for MediaType {
    type Err = InvalidMediaType;

    fn from_str(text: &str) -> Result<Self, InvalidMediaType> {
        if !is_plain(text, Self::MAX_BYTES) {
            return Err(InvalidMediaType(LENGTH));
        }
        if text.contains(',') {
            return Err(InvalidMediaType("must be one media type, without a comma"));
        }
        let (kind, rest) = split_token(text);
        let (subtype, rest) = split_token(rest.strip_prefix('/').unwrap_or_default());
        if !is_name(kind) || !is_name(subtype) {
            return Err(InvalidMediaType("must be a media type such as 'image/jpeg'"));
        }
        let parameters = parameters(rest).map_err(InvalidMediaType)?;
        let mut text = format!("{kind}/{subtype}").to_ascii_lowercase();
        let essence = text.len();
        push_parameters(&mut text, &parameters);
        // The canonical form is what is stored, and it may be longer.
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidMediaType(LENGTH));
        }
        Ok(Self {
            text: Cow::Owned(text),
            essence,
        })
    }
}

/// Returns `true` for a type or a subtype. A wildcard is a token, and names no type.
fn is_name(text: &str) -> bool {
    is_token(text) && !text.contains('*')
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_kept_in_canonical_form() {
        for (text, canonical, essence) in [
            ("image/jpeg", "image/jpeg", "image/jpeg"),
            ("Image/PNG", "image/png", "image/png"),
            (
                "application/vnd.api+json",
                "application/vnd.api+json",
                "application/vnd.api+json",
            ),
            ("text/html;Charset=\"utf-8\"", "text/html; charset=utf-8", "text/html"),
            ("text/html \t;\t charset=UTF-8", "text/html; charset=UTF-8", "text/html"),
            ("a/b; x=\"\"; y=\"c;\\\"\\d\"", "a/b; x=\"\"; y=\"c;\\\"d\"", "a/b"),
            (
                "multipart/mixed; boundary=\"a b\"",
                "multipart/mixed; boundary=\"a b\"",
                "multipart/mixed",
            ),
        ] {
            let parsed: MediaType = text.parse().expect(text);
            assert_eq!((parsed.as_str(), parsed.essence()), (canonical, essence));
            assert_eq!(canonical.parse().as_ref(), Ok(&parsed), "parsed again");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            " ",
            "jpeg",
            "/",
            "image/",
            "/png",
            "a b/c",
            "image / png",
            "image/png/x",
            "image/*",
            "*/*",
            " image/png",
            "image/png ",
            "image/ü",
            "image/jpeg\r\nx: y",
            "image/png\u{b};a=b",
            "image/png\u{0}",
            "a/b;c=\"\t\"",
            "image/png;",
            "image/png; ",
            "image/png;;a=b",
            "image/png;a=b;",
            "image/png a=b",
            "image/png;a",
            "image/png;a=",
            "image/png;=b",
            "image/png;a =b",
            "image/png;a= b",
            "image/png;a=b c",
            "image/png;a=b/c",
            "image/png;a=\"b",
            "image/png;a=\"b\\",
            "image/png;a=\"b\"c",
            "image/png;a=b;A=c",
            "image/png;,text/html",
            "image/png,text/html",
            "image/png; x=y, text/html",
            "text/plain;,text/html",
            "image/png; x=\"a,b\"",
            "image/png; x=\"a\", text/html",
            ",image/png",
            "image/png,",
        ] {
            assert!(bad.parse::<MediaType>().is_err(), "{bad:?}");
        }
        let long = format!("a/{}", "b".repeat(253));
        assert!(long.parse::<MediaType>().is_ok() && format!("{long}b").parse::<MediaType>().is_err());
    }

    #[test]
    fn every_media_type_that_is_accepted_is_parsed_again() {
        let text = |count: usize| (0..count).fold("a/b".to_owned(), |text, number| format!("{text};p{number}=1"));
        let mut longest = 0;
        for count in 0..60 {
            if let Ok(parsed) = text(count).parse::<MediaType>() {
                assert_eq!(parsed.as_str().parse().as_ref(), Ok(&parsed), "{parsed}");
                longest = count;
            }
        }
        let refused = text(longest + 1);
        assert!(
            refused.len() <= MediaType::MAX_BYTES,
            "it is too long in canonical form alone: {refused}"
        );
    }

    #[test]
    fn what_a_store_reports_is_parsed_as_well() {
        assert_eq!(MediaType::of_stored(Some("Image/PNG")).as_str(), "image/png");
        for bad in [None, Some(""), Some("image/png;,text/html")] {
            assert_eq!(MediaType::of_stored(bad), *MediaType::OCTET_STREAM);
        }
    }
}
