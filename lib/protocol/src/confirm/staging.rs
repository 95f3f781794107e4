//! A note in the draft bucket about a copy that is being staged in main. With it, a sweep finds what a crash leaves.
//!
//! An upload in progress shows only its key, and main may have uploads of other programs. The note records that one of
//! ours was begun under a key, and when it must have ended. A sweep then aborts it.

use std::time::SystemTime;

use draftstore_storage::ObjectKey;
use ulid::Ulid;

use crate::keys::RESERVED_PREFIX;

/// The prefix of notes. It sorts after every shard of unique drafts.
const STAGING_PREFIX: &str = "staging/";

/// A note about a staged copy.
///
/// Its key is `.drafts/staging/<ULID>/<key in main>`. The time of the ULID is the moment at which the copy has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagingNote {
    /// The moment at which the copy has succeeded or been aborted.
    pub ends_at: SystemTime,
    /// The key in main that the copy is staged under.
    pub main_key: ObjectKey,
}

impl StagingNote {
    /// Returns a key for the note. Each `random` gives another key.
    ///
    /// # Panics
    /// If the key in main leaves no room for the ID. It may have 981 bytes.
    pub fn key(&self, random: u128) -> ObjectKey {
        let id = Ulid::from_parts(Ulid::from_datetime(self.ends_at).timestamp_ms(), random);
        let key = format!("{RESERVED_PREFIX}{STAGING_PREFIX}{id}/{}", self.main_key);
        ObjectKey::new(key).expect("a name leaves room for the ID in a key")
    }

    /// Returns the note in a key of that form, or `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        let rest = key
            .as_str()
            .strip_prefix(RESERVED_PREFIX)?
            .strip_prefix(STAGING_PREFIX)?;
        let (id, main_key) = rest.split_once('/')?;
        Some(Self {
            ends_at: Ulid::from_string(id).ok()?.datetime(),
            main_key: ObjectKey::new(main_key).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn key_of_a_note_has_its_end_and_its_target() {
        let note = StagingNote {
            ends_at: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            main_key: "a/b c.iso".parse().expect("valid"),
        };
        let key = note.key(7);
        assert_eq!(StagingNote::in_key(&key), Some(note.clone()));
        assert_ne!(key, note.key(8));
        for other in ["a", ".drafts/staging/x/a", ".drafts/00/01J00000000000000000000000/a"] {
            assert_eq!(StagingNote::in_key(&other.parse().expect("valid")), None, "{other}");
        }
    }
}
