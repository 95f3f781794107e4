//! The headers that are stored with an object and served with it, beside its media type.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::closed_set;
use crate::grammar::{
    after_separator, is_plain, is_token, parameters, push_parameters, push_value, split_token, split_value,
};

closed_set! {
    /// A header that is stored with an object. Its name is that of the field in requests.
    #[derive(PartialOrd, Ord)]
    pub enum ObjectHeader {
        /// `Cache-Control`: how long caches keep the object.
        CacheControl = "cache_control",
        /// `Content-Disposition`: shown in place, or downloaded as a file.
        ContentDisposition = "content_disposition",
        /// `Content-Encoding`: how the stored bytes are compressed.
        ContentEncoding = "content_encoding",
        /// `Content-Language`: the languages of the intended audience.
        ContentLanguage = "content_language",
        /// `Expires`: the date at which responses are stale.
        Expires = "expires",
    }
}

/// Values of headers that are stored with an object, in canonical form.
///
/// There is no other way to a value than its parser, and only these are signed or written to a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ObjectHeaders(BTreeMap<ObjectHeader, String>);

/// The error for a value that a header cannot have: the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidHeader(&'static str);

/// The rule that a value of another length breaks.
const LENGTH: &str = "must have 1 to 1024 characters of printable ASCII, without space at either end";

impl ObjectHeader {
    /// The maximum length of a value in bytes, as it is parsed and in canonical form.
    pub const MAX_BYTES: usize = 1024;

    /// Returns the header with this name of its field.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|header| header.as_str() == name).copied()
    }

    /// Returns the name of the header in HTTP, in lower case.
    pub const fn header(self) -> &'static str {
        match self {
            Self::CacheControl => "cache-control",
            Self::ContentDisposition => "content-disposition",
            Self::ContentEncoding => "content-encoding",
            Self::ContentLanguage => "content-language",
            Self::Expires => "expires",
        }
    }

    /// Returns a value of this header in canonical form.
    ///
    /// # Errors
    /// Returns the rule that the text breaks.
    fn canonical(self, text: &str) -> Result<String, InvalidHeader> {
        if !is_plain(text, Self::MAX_BYTES) {
            return Err(InvalidHeader(LENGTH));
        }
        let (canonical, rule) = match self {
            Self::CacheControl => (
                list(text, directive),
                "must be directives such as 'public, max-age=3600'",
            ),
            Self::ContentDisposition => (
                disposition(text),
                "must be 'inline' or 'attachment', and may have parameters such as filename=\"a.pdf\"",
            ),
            Self::ContentEncoding => (list(text, coding), "must be content codings such as 'gzip'"),
            Self::ContentLanguage => (list(text, language), "must be language tags such as 'en' or 'de-CH'"),
            Self::Expires => (date(text), "must be a date such as 'Thu, 31 Dec 2026 23:59:59 GMT'"),
        };
        let canonical = canonical.ok_or(InvalidHeader(rule))?;
        // The canonical form is what is stored, and it may be longer.
        if canonical.len() > Self::MAX_BYTES {
            return Err(InvalidHeader(LENGTH));
        }
        Ok(canonical)
    }
}

impl ObjectHeaders {
    /// The absence of all headers.
    pub const NONE: Self = Self(BTreeMap::new());

    /// Sets a header.
    ///
    /// # Errors
    /// Returns the rule that the value breaks.
    pub fn set(&mut self, header: ObjectHeader, value: &str) -> Result<(), InvalidHeader> {
        self.0.insert(header, header.canonical(value)?);
        Ok(())
    }

    /// Sets all headers of another set.
    pub fn extend(&mut self, other: &Self) {
        let others = other.0.iter();
        self.0.extend(others.map(|(header, value)| (*header, value.clone())));
    }

    /// Returns the value of a header.
    pub fn get(&self, header: ObjectHeader) -> Option<&str> {
        self.0.get(&header).map(String::as_str)
    }

    /// Returns the headers and their values.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectHeader, &str)> {
        self.0.iter().map(|(header, value)| (*header, value.as_str()))
    }

    /// Returns `true` if there is no header.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Parses a list with commas, none of whose members is empty. `member` parses one, and returns the rest of the text.
fn list(text: &str, member: impl Fn(&str) -> Option<(String, &str)>) -> Option<String> {
    let (mut list, mut rest) = member(text)?;
    while !rest.is_empty() {
        let (another, after) = member(after_separator(rest, ',')?)?;
        list.push_str(", ");
        list.push_str(&another);
        rest = after;
    }
    Some(list)
}

/// Parses a directive of RFC 9111, section 5.2: a token, with or without a value.
fn directive(text: &str) -> Option<(String, &str)> {
    let (name, rest) = split_token(text);
    let mut directive = name.to_ascii_lowercase();
    if name.is_empty() {
        return None;
    }
    let Some(value) = rest.strip_prefix('=') else {
        return Some((directive, rest));
    };
    let (value, rest) = split_value(value)?;
    directive.push('=');
    push_value(&mut directive, &value);
    Some((directive, rest))
}

/// Parses a content coding of RFC 9110, section 8.4.1. `aws-chunked` describes a request, and not an object.
fn coding(text: &str) -> Option<(String, &str)> {
    let (name, rest) = split_token(text);
    let name = name.to_ascii_lowercase();
    (is_token(&name) && name != "aws-chunked").then_some((name, rest))
}

/// Parses a language tag by the form of RFC 5646, section 2.1.
fn language(text: &str) -> Option<(String, &str)> {
    let (tag, rest) = split_token(text);
    let subtag = |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
    let primary = tag.split('-').next()?.bytes().all(|b| b.is_ascii_alphabetic());
    (primary && tag.split('-').all(subtag)).then(|| (tag.to_owned(), rest))
}

/// Parses a disposition of RFC 6266.
fn disposition(text: &str) -> Option<String> {
    let (kind, rest) = split_token(text);
    let mut text = kind.to_ascii_lowercase();
    if !matches!(text.as_str(), "inline" | "attachment") {
        return None;
    }
    push_parameters(&mut text, &parameters(rest).ok()?);
    Some(text)
}

/// Parses a date of RFC 9110, section 5.6.7.
fn date(text: &str) -> Option<String> {
    let date: SystemTime = httpdate::parse_http_date(text).ok()?;
    Some(httpdate::fmt_http_date(date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ObjectHeader::{CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Expires};

    #[test]
    fn values_are_kept_in_canonical_form() {
        for (header, text, canonical) in [
            (
                CacheControl,
                "Public,max-age=3600 , immutable",
                "public, max-age=3600, immutable",
            ),
            (CacheControl, "private=\"set-cookie, x\"", "private=\"set-cookie, x\""),
            (
                ContentDisposition,
                "Attachment;FileName=\"a.pdf\"",
                "attachment; filename=a.pdf",
            ),
            (
                ContentDisposition,
                "inline; filename=\"a, b.pdf\"",
                "inline; filename=\"a, b.pdf\"",
            ),
            (
                ContentDisposition,
                "attachment; filename*=UTF-8''%C3%A9.txt",
                "attachment; filename*=UTF-8''%C3%A9.txt",
            ),
            (ContentEncoding, "GZIP", "gzip"),
            (ContentEncoding, "gzip,br", "gzip, br"),
            (ContentLanguage, "de-CH, en", "de-CH, en"),
            (
                Expires,
                "Thu, 31 Dec 2026 23:59:59 GMT",
                "Thu, 31 Dec 2026 23:59:59 GMT",
            ),
        ] {
            let mut headers = ObjectHeaders::NONE;
            headers.set(header, text).expect(text);
            assert_eq!(headers.get(header), Some(canonical));
            assert_eq!(header.canonical(canonical).as_deref(), Ok(canonical), "parsed again");
        }
    }

    #[test]
    fn every_value_that_is_accepted_is_parsed_again() {
        let longest = "a,".repeat(ObjectHeader::MAX_BYTES / 2 - 1) + "ab";
        assert!(longest.len() == ObjectHeader::MAX_BYTES && CacheControl.canonical(&longest).is_err());
        for count in 1..ObjectHeader::MAX_BYTES / 2 {
            let list = vec!["a"; count].join(",");
            if let Ok(canonical) = CacheControl.canonical(&list) {
                assert_eq!(CacheControl.canonical(&canonical).as_ref(), Ok(&canonical));
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for header in ObjectHeader::ALL {
            for bad in [
                "",
                " ",
                ",",
                " gzip",
                "a\r\nx: y",
                "é",
                "a,,b",
                "a;",
                "\"",
                "a=\"",
                &"a".repeat(1025),
            ] {
                assert!(header.canonical(bad).is_err(), "{header:?}: {bad:?}");
            }
        }
        for (header, bad) in [
            (CacheControl, "max-age=1 2"),
            (CacheControl, "max-age=,public"),
            (ContentDisposition, "form-data; name=x"),
            (ContentDisposition, "attachment, inline"),
            (ContentDisposition, "attachment; filename=a; filename=b"),
            (ContentEncoding, "aws-chunked"),
            (ContentEncoding, "gzip, aws-chunked"),
            (ContentLanguage, "english language"),
            (ContentLanguage, "en_US"),
            (ContentLanguage, "1a"),
            (Expires, "2026-12-31T23:59:59Z"),
            (Expires, "0"),
            (Expires, "-1"),
        ] {
            assert!(header.canonical(bad).is_err(), "{header:?}: {bad:?}");
        }
    }
}
