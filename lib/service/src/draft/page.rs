//! Page sizes and page tokens of listings.
//!
//! A page token is the sealed [`Position`] at which the next page begins. It opens only for the caller that got it, and
//! for the same listing.

use draftstore_protocol::DraftId;

use super::Drafts;
use crate::Violation;
use crate::limits::{MAX_PAGE_SIZE, MAX_PAGE_TOKEN_BYTES};
use crate::secrets::Purpose;
use crate::violation::Violations;

/// A listing, to which page tokens belong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing<'a> {
    pub(super) purpose: Purpose,
    /// The prefix that the caller asked for.
    pub(super) prefix: &'a str,
    /// The delimiter that the caller asked for.
    pub(super) delimiter: &'a str,
}

/// A validated request for a page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) size: u16,
    /// The position at which the page begins. `None` is the beginning.
    pub(super) begin: Option<Position>,
}

/// The range of positions after a folder.
const FOLDER: u8 = u8::MAX;

/// The maximum length of a key in S3. The longest key of a caller is shorter by more than a character.
const MAX_KEY_BYTES: usize = 1024;

/// A position in a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The index of the range of keys.
    pub(super) range: u8,
    /// The key after which the range continues. `None` is the beginning of the range.
    pub(super) after: Option<String>,
}

impl Position {
    /// Returns the position after a key.
    ///
    /// A unique draft is named by its ID alone, which no other key has. So the length of a page token does not depend on
    /// the name of a draft that the caller may not see.
    pub(super) fn after_key(range: u8, key: &str) -> Self {
        let named = DraftId::split(key).map_or("", |(_, named)| named);
        let after = match key.strip_suffix(named).and_then(|key| key.strip_suffix('/')) {
            // The digit is the first character after the slash.
            Some(with_id) if !named.is_empty() => format!("{with_id}0"),
            _ => key.to_owned(),
        };
        Self {
            range,
            after: Some(after),
        }
    }

    /// Returns the position after a folder, whose keys begin with this text.
    pub(super) fn after_folder(folder: &str) -> Self {
        Self {
            range: FOLDER,
            after: Some(folder.to_owned()),
        }
    }

    /// Returns the text to start after: for a folder, one that no key in it comes after.
    pub(super) fn start_after(&self) -> Option<String> {
        let mut after = self.after.clone()?;
        if self.range == FOLDER {
            while after.len() + char::MAX.len_utf8() <= MAX_KEY_BYTES {
                after.push(char::MAX);
            }
        }
        Some(after)
    }

    fn encode(&self) -> Vec<u8> {
        let after = self.after.as_deref().unwrap_or_default();
        [&[self.range], after.as_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (range, after) = bytes.split_first()?;
        let after = std::str::from_utf8(after).ok()?;
        Some(Self {
            range: *range,
            after: (!after.is_empty()).then(|| after.to_owned()),
        })
    }
}

impl Drafts {
    /// Validates the size and the token of a page, and records the rules that they break.
    pub(super) fn page(
        &self,
        listing: Listing<'_>,
        size: Option<i32>,
        token: Option<&str>,
        broken: &mut Violations,
    ) -> Page {
        Page {
            size: broken.take_optional(size.map(page_size)).unwrap_or(MAX_PAGE_SIZE),
            begin: broken.take_optional(token.map(|token| self.position(listing, token))),
        }
    }

    /// Returns the page token of the page that begins there.
    pub(super) fn page_token(&self, listing: Listing<'_>, begin: &Position) -> String {
        self.seal(listing.purpose, &self.binding(listing), &begin.encode())
    }

    fn position(&self, listing: Listing<'_>, token: &str) -> Result<Position, Violation> {
        let token = Some(token).filter(|token| token.len() <= MAX_PAGE_TOKEN_BYTES);
        let content = token.and_then(|token| self.open(listing.purpose, &self.binding(listing), token));
        content.and_then(|content| Position::decode(&content)).ok_or_else(|| {
            let rule = "must be the next_page_token of the previous page, for the same caller and the same request";
            Violation::new("page_token", rule)
        })
    }

    fn binding<'a>(&'a self, listing: Listing<'a>) -> [&'a str; 4] {
        let [kind, names] = self.caller.names.as_parts();
        [kind, names, listing.prefix, listing.delimiter]
    }
}

pub(super) fn page_size(size: i32) -> Result<u16, Violation> {
    let rule = || Violation::new("page_size", format!("must be 1 to {MAX_PAGE_SIZE}"));
    let size = u16::try_from(size).map_err(|_| rule())?;
    (1..=MAX_PAGE_SIZE).contains(&size).then_some(size).ok_or_else(rule)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use draftstore_storage::ObjectKey;

    use super::*;

    #[test]
    fn positions_are_encoded() {
        for position in [
            Position::default(),
            Position::after_key(1, "a/ü"),
            Position::after_key(0, "b"),
        ] {
            assert_eq!(Position::decode(&position.encode()), Some(position));
        }
        assert_eq!(Position::decode(&[]), None);
        assert_eq!(Position::decode(&[0, 0xff]), None);
    }

    #[test]
    fn position_after_a_unique_draft_has_no_name() {
        let key = |millis, name: &str| {
            let id = DraftId::new(UNIX_EPOCH + Duration::from_millis(millis), 0xab);
            id.key(&ObjectKey::new(name).expect("a key")).to_string()
        };
        let [short, long, next] = [key(1, "a"), key(1, "t10/secret"), key(2, "!")];
        let position = Position::after_key(0, &long).after.expect("after the key");
        assert_eq!(Some(&position), Position::after_key(0, &short).after.as_ref());
        assert!(!position.contains("secret"), "{position}");
        assert!(short < position && long < position && position < next, "{position}");
    }
}
