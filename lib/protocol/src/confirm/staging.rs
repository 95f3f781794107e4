//! A note in the draft bucket about a copy that is being staged in main. With it, a sweep finds what a crash leaves.
//!
//! An upload in progress shows only its key, and main may have uploads of other programs. The note records that one of
//! ours was begun under a key, and when it must have ended. A sweep then aborts it.

use std::time::SystemTime;

use draftstore_storage::{BucketName, ObjectKey};
use ulid::Ulid;

use crate::keys::RESERVED_PREFIX;

/// The prefix of notes. It sorts after every shard of unique drafts.
const STAGING_PREFIX: &str = "staging/";

/// A note about a staged copy.
///
/// Its key is `.drafts/staging/<ULID>/<key in main>`, or `.drafts/staging/<ULID>@<bucket>/<key>` for the bucket of a destination.
/// The time of the ULID is the moment at which the copy has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagingNote {
    /// The moment at which the copy has succeeded or been aborted.
    pub ends_at: SystemTime,
    /// The bucket of a destination that the copy is staged in. `None` is main.
    pub bucket: Option<BucketName>,
    /// The key in main that the copy is staged under.
    pub main_key: ObjectKey,
}

impl StagingNote {
    /// Returns a key for the note. Each `random` gives another key.
    ///
    /// # Panics
    /// If the key in main leaves no room for the ID. It may have 981 bytes, or 917 with a bucket.
    pub fn key(&self, random: u128) -> ObjectKey {
        let id = Ulid::from_parts(Ulid::from_datetime(self.ends_at).timestamp_ms(), random);
        let bucket = self
            .bucket
            .as_ref()
            .map(|bucket| format!("@{bucket}"))
            .unwrap_or_default();
        let key = format!("{RESERVED_PREFIX}{STAGING_PREFIX}{id}{bucket}/{}", self.main_key);
        ObjectKey::new(key).expect("a name leaves room for the ID in a key")
    }

    /// Returns the note in a key of that form, or `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        let rest = key
            .as_str()
            .strip_prefix(RESERVED_PREFIX)?
            .strip_prefix(STAGING_PREFIX)?;
        let (id, main_key) = rest.split_once('/')?;
        let (id, bucket) = match id.split_once('@') {
            Some((id, bucket)) => (id, Some(bucket.parse().ok()?)),
            None => (id, None),
        };
        Some(Self {
            ends_at: Ulid::from_string(id).ok()?.datetime(),
            bucket,
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
            bucket: None,
            main_key: "a/b c.iso".parse().expect("valid"),
        };
        let key = note.key(7);
        assert_eq!(StagingNote::in_key(&key), Some(note.clone()));
        let elsewhere = StagingNote {
            bucket: "archive".parse().ok(),
            ..note.clone()
        };
        assert_eq!(StagingNote::in_key(&elsewhere.key(7)), Some(elsewhere.clone()));
        assert_ne!(elsewhere.key(7), key);
        assert_ne!(key, note.key(8));
        for other in [
            "a",
            ".drafts/staging/x/a",
            ".drafts/staging/01J00000000000000000000000@A/a",
            ".drafts/00/01J00000000000000000000000/a",
        ] {
            assert_eq!(StagingNote::in_key(&other.parse().expect("valid")), None, "{other}");
        }
    }
}
