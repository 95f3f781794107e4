//! Percent-encoding as S3 reads it.
//!
//! Source: RFC 3986, section 2.3.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters.
const VALUE: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All but the unreserved characters and the slashes between segments.
const PATH: AsciiSet = VALUE.remove(b'/');

/// Appends a key as the path of a URL.
pub(crate) fn push_path(text: &mut String, key: &str) {
    text.extend(utf8_percent_encode(key, &PATH));
}

/// Appends a name or a value of a query.
pub(crate) fn push_value(text: &mut String, value: &str) {
    text.extend(utf8_percent_encode(value, &VALUE));
}
