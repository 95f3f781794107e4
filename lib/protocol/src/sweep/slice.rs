//! The slice of the draft bucket that a sweep is for, if several sweeps share a large bucket.

use draftstore_storage::ObjectKey;

use crate::keys::{LAST_SHARD, RESERVED_PREFIX, shard_prefix};

/// The digits of the borders between names: letters and digits, in the order of keys.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// One of several slices of the draft bucket. The slices are disjoint, and together contain every key.
///
/// Unique drafts are spread evenly, by their shards. Names are divided by their first two letters, so the sizes of
/// slices depend on the names. The settlements and notes of the service are divided like names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    index: u16,
    of: u16,
}

/// A range of keys, from `after`, which is excluded, to `until`, which is included. `None` means no border.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) after: Option<String>,
    pub(crate) until: Option<String>,
}

impl Slice {
    /// The maximum number of slices. Each has at least one shard of unique drafts.
    pub const MAX_SLICES: u16 = LAST_SHARD as u16 + 1;

    /// The slice that contains every key.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Creates a slice by its index, counted from 0, and the number of slices. Returns `None` if there is no such slice.
    pub fn new(index: u16, of: u16) -> Option<Self> {
        (index < of && of <= Self::MAX_SLICES).then_some(Self { index, of })
    }

    /// Returns the index of the slice, or `None` if there is only one.
    pub fn index(self) -> Option<u16> {
        (self.of > 1).then_some(self.index)
    }

    /// Returns the index of the slice, and the number of slices.
    pub fn place(self) -> (u16, u16) {
        (self.index, self.of)
    }

    /// Returns the first and the last of its shards of unique drafts.
    pub(super) fn shards(self) -> (u8, u8) {
        let begin = |index: u16| u32::from(index) * u32::from(Self::MAX_SLICES) / u32::from(self.of);
        let shard = |number: u32| u8::try_from(number).unwrap_or(LAST_SHARD);
        (shard(begin(self.index)), shard(begin(self.index + 1) - 1))
    }

    /// Returns the range of its unique drafts.
    pub(crate) fn unique(self) -> KeyRange {
        let (first, last) = self.shards();
        KeyRange {
            after: first.checked_sub(1).map(past_shard),
            until: Some(past_shard(last)),
        }
    }

    /// Returns the range of its other keys. The unique drafts of all slices may lie within, and do not belong to it.
    pub(crate) fn named(self) -> KeyRange {
        KeyRange {
            after: self.border(self.index),
            until: self.border(self.index + 1),
        }
    }

    /// Returns true if this key belongs to the slice.
    pub(super) fn holds(self, key: &ObjectKey) -> bool {
        let key = key.as_str();
        let range = if is_among_unique(key) {
            self.unique()
        } else {
            self.named()
        };
        range.after.is_none_or(|after| key > after.as_str()) && range.until.is_none_or(|until| key <= until.as_str())
    }

    /// Returns the border before the names of this slice. There is none before the first slice, and after the last.
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

impl Default for Slice {
    fn default() -> Self {
        Self::WHOLE
    }
}

/// Returns the last possible key of a shard. A key between two shards belongs to the second.
pub(super) fn past_shard(shard: u8) -> String {
    format!("{}{}", shard_prefix(shard), char::MAX)
}

/// Returns true if a key is in the range of unique drafts. A key of another form in that range is treated like a named
/// draft.
pub(super) fn is_among_unique(key: &str) -> bool {
    key.starts_with(RESERVED_PREFIX) && key <= past_shard(LAST_SHARD).as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(of: u16) -> impl Iterator<Item = Slice> {
        (0..of).map(move |index| Slice::new(index, of).expect("a slice"))
    }

    #[test]
    fn index_is_below_the_number_of_slices_which_is_at_most_256() {
        for (index, of) in [(0, 0), (1, 1), (3, 3), (0, 257), (256, 256), (u16::MAX, u16::MAX)] {
            assert_eq!(Slice::new(index, of), None, "{index} of {of}");
        }
        assert_eq!(Slice::new(0, 1), Some(Slice::WHOLE));
        assert_eq!(Slice::WHOLE.index(), None);
        assert_eq!(Slice::new(2, 4).and_then(Slice::index), Some(2));
        assert!(Slice::new(255, 256).is_some());
    }

    #[test]
    fn every_key_is_in_exactly_one_slice() {
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
        for of in 1..=Slice::MAX_SLICES {
            keys.extend(slices(of).filter_map(|slice| slice.named().after));
        }
        for of in [1, 2, 3, 7, 61, 62, 63, 255, 256] {
            for key in &keys {
                let key = ObjectKey::new(key.clone()).expect("a key");
                assert_eq!(
                    slices(of).filter(|slice| slice.holds(&key)).count(),
                    1,
                    "{key:?} of {of}"
                );
            }
        }
    }

    #[test]
    fn shards_are_spread_evenly() {
        for of in 1..=Slice::MAX_SLICES {
            let mut next = 0;
            for slice in slices(of) {
                let (first, last) = slice.shards();
                assert_eq!(usize::from(first), next, "{slice:?}");
                let (all, of) = (usize::from(Slice::MAX_SLICES), usize::from(of));
                let held = usize::from(last) + 1 - next;
                assert!(held == all / of || held == all.div_ceil(of), "{slice:?}: {held}");
                next += held;
            }
            assert_eq!(next, usize::from(Slice::MAX_SLICES));
        }
    }
}
