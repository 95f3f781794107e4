//! A note in the draft bucket that a copy is being staged in main, so that what a crash leaves of it can be found.
//!
//! A multipart upload in progress shows nothing but its key, and main may hold uploads of others. The note says that one
//! of ours was begun under this key, and by when it must have ended; a sweep then aborts what is left of it.

use std::time::SystemTime;

use draftstore_storage::ObjectKey;
use ulid::Ulid;

use crate::name::RESERVED_PREFIX;

/// Where notes are: behind every shard of unique drafts in the order of keys.
pub(crate) const STAGING_PREFIX: &str = "staging/";

/// The key of a note is `.drafts/staging/<ULID>/<key in main>`; the ULID's time is the moment by which the copy has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StagingNote {
    /// When the copy has succeeded or been given up.
    pub(crate) ends_at: SystemTime,
    /// The key in main that it is staged under.
    pub(crate) main_key: ObjectKey,
}

impl StagingNote {
    /// A key for it, different each time.
    pub(crate) fn key(&self, random: u128) -> ObjectKey {
        let id = Ulid::from_parts(Ulid::from_datetime(self.ends_at).timestamp_ms(), random);
        let key = format!("{RESERVED_PREFIX}{STAGING_PREFIX}{id}/{}", self.main_key);
        ObjectKey::new(key).expect("a name leaves room for the ID in a key")
    }

    /// The note in a key of that form; none in any other key.
    pub(crate) fn in_key(key: &ObjectKey) -> Option<Self> {
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
    fn note_says_where_and_until_when() {
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
