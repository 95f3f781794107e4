//! The results of an inspection.

use serde::{Deserialize, Serialize};

/// The results of an inspection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The media type that the bytes have, in lower case and without parameters. `None` if no check looked for it, or if
    /// the bytes have no known format.
    pub media_type: Option<String>,
    /// The reasons to reject the file. Without any it is accepted.
    pub reasons: Vec<Reason>,
}

impl Findings {
    pub(crate) fn reject(&mut self, check: Check, code: &'static str, detail: impl Into<String>) {
        let detail = detail.into();
        self.reasons.push(Reason { check, code, detail });
    }
}

/// A reason to reject a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The check that the file did not pass.
    pub check: Check,
    /// The rule that the file breaks, in capitals.
    pub code: &'static str,
    /// A sentence for a person. It holds no text of the file that is not escaped: only ASCII, without control characters
    /// and without `<`, `>` and `&`.
    pub detail: String,
}

/// A check of a file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// The media type, by the bytes.
    Type,
    /// The dimensions of an image.
    Image,
    /// The entries of an archive.
    Archive,
}

impl Check {
    /// Returns the name of the check in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Image => "image",
            Self::Archive => "archive",
        }
    }
}

/// Returns a text of the file as a sentence may have it: escaped, in quotes, and cut after 60 characters.
pub(crate) fn quoted(text: &str) -> String {
    const MAX_CHARACTERS: usize = 60;
    let mut quoted = String::from("\"");
    for character in text.chars().take(MAX_CHARACTERS) {
        if matches!(character, '<' | '>' | '&') {
            quoted.extend(character.escape_unicode());
        } else {
            quoted.extend(character.escape_default());
        }
    }
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        quoted.push_str("...");
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_text_of_the_file_is_escaped_and_cut() {
        assert_eq!(quoted("a<b>\u{1b}é\""), r#""a\u{3c}b\u{3e}\u{1b}\u{e9}\"""#);
        assert_eq!(quoted(&"x".repeat(100)).len(), 65);
    }
}
