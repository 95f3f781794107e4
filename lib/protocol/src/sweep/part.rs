//! Which part of the draft bucket a sweep is for, where several share a large one.

use draftstore_storage::ObjectKey;

use crate::keys::{LAST_SHARD, RESERVED_PREFIX, shard_prefix};

/// What the second half of a name's first two letters is counted in: letters and digits, in the order of keys.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// One of several parts of the draft bucket, which have no key in common and together hold every key.
///
/// Unique drafts are spread evenly, by their shards. Names are divided by their first two letters, so that parts hold as much
/// of them as there are names that begin so; what the service keeps beside the drafts goes with the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    index: u16,
    of: u16,
}

/// Keys after the one and up to the other, which is among them. None: from the first key, to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) after: Option<String>,
    pub(super) until: Option<String>,
}

impl Part {
    /// As many parts as there can be: each has a shard of unique drafts at least.
    pub const MAX_PARTS: u16 = LAST_SHARD as u16 + 1;

    /// Everything.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// The part of this number, counted from 0, of so many; none where there is no such part.
    pub fn new(index: u16, of: u16) -> Option<Self> {
        (index < of && of <= Self::MAX_PARTS).then_some(Self { index, of })
    }

    /// Its number, where there are several.
    pub fn index(self) -> Option<u16> {
        (self.of > 1).then_some(self.index)
    }

    /// The first and the last of its shards of unique drafts.
    pub(super) fn shards(self) -> (u8, u8) {
        let begin = |index: u16| u32::from(index) * u32::from(Self::MAX_PARTS) / u32::from(self.of);
        let shard = |number: u32| u8::try_from(number).unwrap_or(LAST_SHARD);
        (shard(begin(self.index)), shard(begin(self.index + 1) - 1))
    }

    /// Where its unique drafts are.
    pub(super) fn unique(self) -> Stretch {
        let (first, last) = self.shards();
        Stretch {
            after: first.checked_sub(1).map(past_shard),
            until: Some(past_shard(last)),
        }
    }

    /// Where everything else of it is. Around the unique drafts of all parts, where they lie within.
    pub(super) fn named(self) -> Stretch {
        Stretch {
            after: self.border(self.index),
            until: self.border(self.index + 1),
        }
    }

    /// Whether this key belongs to it.
    pub(super) fn holds(self, key: &ObjectKey) -> bool {
        let key = key.as_str();
        let stretch = if is_among_unique(key) {
            self.unique()
        } else {
            self.named()
        };
        stretch.after.is_none_or(|after| key > after.as_str())
            && stretch.until.is_none_or(|until| key <= until.as_str())
    }

    /// Where the names of this part begin; none for those of the first, and after those of the last.
    fn border(self, index: u16) -> Option<String> {
        let is_within = 0 < index && index < self.of;
        let place = usize::from(index) * LETTERS.len() * LETTERS.len() / usize::from(self.of);
        let letters = [
            LETTERS[place / LETTERS.len() % LETTERS.len()],
            LETTERS[place % LETTERS.len()],
        ];
        is_within.then(|| letters.map(char::from).iter().collect())
    }
}

impl Default for Part {
    fn default() -> Self {
        Self::WHOLE
    }
}

/// The last key that can be in a shard. What lies between two shards counts as of the latter.
pub(super) fn past_shard(shard: u8) -> String {
    format!("{}{}", shard_prefix(shard), char::MAX)
}

/// Whether a key is where unique drafts are; one of another form there is nobody's, and as old as the store says.
pub(super) fn is_among_unique(key: &str) -> bool {
    key.starts_with(RESERVED_PREFIX) && key <= past_shard(LAST_SHARD).as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(of: u16) -> impl Iterator<Item = Part> {
        (0..of).map(move |index| Part::new(index, of).expect("a part"))
    }

    #[test]
    fn parts_are_counted_from_0_and_are_no_more_than_shards() {
        for (index, of) in [(0, 0), (1, 1), (3, 3), (0, 257), (256, 256), (u16::MAX, u16::MAX)] {
            assert_eq!(Part::new(index, of), None, "{index} of {of}");
        }
        assert_eq!(Part::new(0, 1), Some(Part::WHOLE));
        assert_eq!(Part::WHOLE.index(), None);
        assert_eq!(Part::new(2, 4).and_then(Part::index), Some(2));
        assert!(Part::new(255, 256).is_some());
    }

    #[test]
    fn every_key_is_in_one_part() {
        let mut keys: Vec<String> = [
            "\0",
            " ",
            "!",
            ".drafts",
            ".drafts/",
            ".drafts/!",
            ".drafts/0",
            ".drafts/00",
            ".drafts/ff/z",
            ".drafts/ff0",
            ".drafts/settled/x",
            ".drafts/staging/x/y",
            ".drafts0",
            "0",
            "00",
            "1",
            "A",
            "Zz",
            "a",
            "zz",
            "zzz",
            "~",
            "é",
            "文",
        ]
        .map(str::to_owned)
        .into();
        keys.push(char::MAX.to_string());
        for shard in 0..=LAST_SHARD {
            keys.extend(["", "01J", "\u{10ffff}", "\u{10ffff}x"].map(|rest| format!("{}{rest}", shard_prefix(shard))));
        }
        for of in 1..=Part::MAX_PARTS {
            keys.extend(parts(of).filter_map(|part| part.named().after));
        }
        for of in [1, 2, 3, 7, 61, 62, 63, 255, 256] {
            for key in &keys {
                let key = ObjectKey::new(key.clone()).expect("a key");
                assert_eq!(parts(of).filter(|part| part.holds(&key)).count(), 1, "{key:?} of {of}");
            }
        }
    }

    #[test]
    fn shards_are_spread_evenly() {
        for of in 1..=Part::MAX_PARTS {
            let mut next = 0;
            for part in parts(of) {
                let (first, last) = part.shards();
                assert_eq!(usize::from(first), next, "{part:?}");
                let (all, of) = (usize::from(Part::MAX_PARTS), usize::from(of));
                let held = usize::from(last) + 1 - next;
                assert!(held == all / of || held == all.div_ceil(of), "{part:?}: {held}");
                next += held;
            }
            assert_eq!(next, usize::from(Part::MAX_PARTS));
        }
    }
}
