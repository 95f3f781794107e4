//! The keys of saved inventories.

use draftstore_storage::ObjectKey;

use crate::RESERVED_PREFIX;
use crate::sweep::Slice;

/// The place of a saved inventory: its slice, and the number of the save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InventoryKey {
    /// The slice of the buckets that the inventory is of.
    pub slice: Slice,
    /// The number of the save, from 1.
    pub generation: u64,
}

impl InventoryKey {
    /// Returns the prefix of all saves of a slice, or of all slices.
    pub fn prefix(slice: Option<Slice>) -> String {
        let all = format!("{RESERVED_PREFIX}usage/");
        match slice.map(Slice::place) {
            Some((index, of)) => format!("{all}{of:03}-{index:03}/"),
            None => all,
        }
    }

    /// Returns the key of the save.
    ///
    /// # Panics
    /// Never: the key is short, and of letters and digits.
    pub fn key(self) -> ObjectKey {
        let key = format!("{}{:020}", Self::prefix(Some(self.slice)), self.generation);
        ObjectKey::new(key).expect("a short key of letters and digits")
    }

    /// Parses the key of a save. Returns `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        let place = key.as_str().strip_prefix(&Self::prefix(None))?;
        let (slice, generation) = place.split_once('/')?;
        let (of, index) = slice.split_once('-')?;
        let parsed = Self {
            slice: Slice::new(index.parse().ok()?, of.parse().ok()?)?,
            generation: generation.parse().ok()?,
        };
        (parsed.key() == *key).then_some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_parsed_and_in_the_order_of_saves() {
        let key = |generation| InventoryKey {
            slice: Slice::new(2, 16).expect("a slice"),
            generation,
        };
        assert_eq!(InventoryKey::in_key(&key(7).key()), Some(key(7)));
        assert!(key(9).key() < key(10).key() && key(10).key() < key(u64::MAX).key());
        for other in [
            ".drafts/usage/016-002/7",
            ".drafts/usage/16-2/00000000000000000007",
            ".drafts/usage/",
        ] {
            assert_eq!(InventoryKey::in_key(&other.parse().expect("a key")), None, "{other}");
        }
    }
}
