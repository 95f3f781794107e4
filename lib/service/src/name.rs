//! The names that callers may give to objects.

use std::fmt;
use std::str::FromStr;

use draftstore_protocol::{REPLACED_PREFIX, RESERVED_PREFIX};
use draftstore_storage::ObjectKey;

use crate::Violation;
use crate::limits::MAX_NAME_BYTES;

/// The name of an object, which is also its key in main. Kept verbatim, never normalised.
///
/// A name has 1–900 bytes of UTF-8. These are refused:
/// - Backslashes, leading or trailing slashes, and empty, `.` and `..` segments: URL parsers and file systems rewrite
///   them.
/// - Control characters, line and paragraph separators, bidirectional embeddings, overrides and isolates, and the byte
///   order mark: they hide or reorder text on a screen.
/// - White space alone: the AWS SDK treats it as a missing key.
/// - The prefixes `.drafts/` and `.replaced/`, which are reserved for the server.
///
/// Spaces, `+`, `%`, `#`, `?`, combining accents, joined emoji and every script are allowed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ObjectName(ObjectKey);

impl ObjectName {
    /// Returns true if calls take the text as a name.
    pub(crate) fn is_valid(text: &str) -> bool {
        broken_rule(text).is_none()
    }

    /// Returns the name verbatim.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the key of that name, without a tenant.
    pub fn key(&self) -> &ObjectKey {
        &self.0
    }
}

impl FromStr for ObjectName {
    type Err = Violation;

    fn from_str(text: &str) -> Result<Self, Violation> {
        let violation = |rule: &str| Violation::new("object_name", rule);
        match broken_rule(text) {
            Some(rule) => Err(violation(rule)),
            None => ObjectKey::new(text)
                .map(Self)
                .map_err(|error| violation(&error.to_string())),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn broken_rule(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("must not be empty");
    }
    if name.len() > MAX_NAME_BYTES {
        return Some("must be at most 900 bytes of UTF-8");
    }
    if name.chars().any(is_invisible) {
        return Some(
            "must not contain control characters, line or paragraph separators, bidirectional embeddings, overrides \
             or isolates, or a byte order mark",
        );
    }
    if name.trim().is_empty() {
        return Some("must not be white space alone");
    }
    if name.contains('\\') {
        return Some("must not contain a backslash");
    }
    if name.starts_with('/') || name.ends_with('/') {
        return Some("must not begin or end with '/'");
    }
    if name.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Some("must not have an empty, '.' or '..' segment between slashes");
    }
    if name.starts_with(RESERVED_PREFIX) {
        return Some("must not begin with '.drafts/', which is reserved for the server");
    }
    if name.starts_with(REPLACED_PREFIX) {
        return Some("must not begin with '.replaced/', which is reserved for the server");
    }
    None
}

/// Returns `true` if the character is invisible, or reorders the text around it.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_verbatim() {
        for name in [
            "file.jpg",
            "a b+c%20d#e?f&g=h",
            "photos/2026/été.png",
            "e\u{301}te\u{301}.txt",
            "👩‍👩‍👧‍👦.png",
            "写真/猫.jpg",
            "مرحبا.txt",
            "...",
            " a ",
            ". /\u{3000}",
            ".drafts",
            ".hidden/.drafts/x",
            ".replaced",
            ".hidden/.replaced/x",
            &"x".repeat(900),
        ] {
            let parsed: ObjectName = name.parse().expect(name);
            assert_eq!(parsed.as_str().as_bytes(), name.as_bytes());
        }
    }

    #[test]
    fn dangerous_names_are_refused_by_rule() {
        for (name, rule) in [
            ("", "empty"),
            ("a\0b", "control"),
            ("a\nb", "control"),
            ("a\u{7f}b", "control"),
            ("a\u{85}b", "control"),
            ("a\u{2028}b", "separators"),
            ("exe\u{202E}gpj", "bidirectional"),
            ("a\u{2066}b", "isolates"),
            ("\u{FEFF}a", "byte order mark"),
            (" ", "white space"),
            ("\u{3000}\u{A0}", "white space"),
            ("a\\b", "backslash"),
            ("/a", "begin or end"),
            ("a/", "begin or end"),
            ("a//b", "segment"),
            ("a/./b", "segment"),
            ("../a", "segment"),
            ("a/..", "segment"),
            (".", "segment"),
            (".drafts/x", ".drafts/"),
            (".replaced/x", ".replaced/"),
            (&"é".repeat(451), "900 bytes"),
        ] {
            let violation = name.parse::<ObjectName>().expect_err(name);
            assert_eq!(violation.field, "object_name");
            assert!(violation.rule.contains(rule), "{name:?}: {}", violation.rule);
        }
    }
}
