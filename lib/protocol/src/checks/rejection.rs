//! Notes in the draft bucket about drafts that the checks reject. With them, a sweep removes such a draft before it expires.
//!
//! A verdict does not do: it is sealed, and a sweep may run without the secret. A note is not sealed, because no URL can
//! write there.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_storage::{ETag, ObjectInfo, ObjectKey};
use ulid::Ulid;

use crate::keys::RESERVED_PREFIX;

/// The prefix of notes. It sorts after every shard of unique drafts.
const REJECTED_PREFIX: &str = "rejected/";

/// The metadata name of the rejected draft in a note. The object has no bytes.
pub const REJECTED_METADATA: &str = "draftstore-rejected";

/// A note about a rejected draft. Its key is `.drafts/rejected/<ULID>`, and the time of the ULID that of the removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectionNote {
    /// The moment from which a sweep removes the draft.
    pub remove_at: SystemTime,
}

impl RejectionNote {
    /// Returns a key for the note. Each `random` gives another key.
    ///
    /// # Panics
    /// Never: such a key has 43 bytes.
    pub fn key(&self, random: u128) -> ObjectKey {
        let id = Ulid::from_parts(Ulid::from_datetime(self.remove_at).timestamp_ms(), random);
        let key = format!("{RESERVED_PREFIX}{REJECTED_PREFIX}{id}");
        ObjectKey::new(key).expect("the key is short, of letters and digits")
    }

    /// Returns the note in a key of that form, or `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        let rest = key.as_str().strip_prefix(RESERVED_PREFIX)?;
        let id = Ulid::from_string(rest.strip_prefix(REJECTED_PREFIX)?).ok()?;
        Some(Self {
            remove_at: id.datetime(),
        })
    }
}

/// The version of a draft that was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedDraft {
    /// The key of the draft.
    pub key: ObjectKey,
    etag: ETag,
    /// The nanoseconds since 1970.
    last_modified: u128,
}

impl RejectedDraft {
    /// Returns the rejected draft with this metadata.
    pub fn new(key: &ObjectKey, draft: &ObjectInfo) -> Self {
        Self {
            key: key.clone(),
            etag: draft.etag.clone(),
            last_modified: nanoseconds(draft),
        }
    }

    /// Returns true if a draft under the key is still the rejected version. The same bytes may be uploaded again with another
    /// media type, which the checks accept: so the time counts too.
    pub fn is(&self, draft: &ObjectInfo) -> bool {
        self.etag == draft.etag && self.last_modified == nanoseconds(draft)
    }

    /// Returns the text in the metadata of a note.
    pub fn to_text(&self) -> String {
        let key = URL_SAFE_NO_PAD.encode(self.key.as_str());
        format!("{} {key} {}", self.last_modified, self.etag.as_str())
    }

    /// Reads the text in the metadata of a note. Returns `None` for any other text.
    pub fn of_text(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let last_modified = parts.next()?.parse().ok()?;
        let key = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        Some(Self {
            key: ObjectKey::new(String::from_utf8(key).ok()?).ok()?,
            etag: parts.next()?.parse().ok()?,
            last_modified,
        })
    }
}

fn nanoseconds(draft: &ObjectInfo) -> u128 {
    let since = draft.last_modified.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use draftstore_storage::StoredAttributes;

    use super::*;

    fn draft(etag: &str, seconds: u64) -> ObjectInfo {
        ObjectInfo {
            etag: etag.parse().expect("valid"),
            version_id: None,
            size: 1,
            last_modified: UNIX_EPOCH + Duration::from_secs(seconds),
            checksum_sha256: None,
            etag_is_md5: false,
            attributes: StoredAttributes::default(),
        }
    }

    #[test]
    fn key_of_a_note_has_the_time_of_the_removal() {
        let note = RejectionNote {
            remove_at: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        };
        assert_eq!(RejectionNote::in_key(&note.key(7)), Some(note));
        assert_ne!(note.key(7), note.key(8));
        for other in ["a", ".drafts/rejected/x", ".drafts/00/01J00000000000000000000000/a"] {
            assert_eq!(RejectionNote::in_key(&other.parse().expect("valid")), None, "{other}");
        }
    }

    #[test]
    fn note_is_about_one_version() {
        let key: ObjectKey = "a b/é.png".parse().expect("valid");
        let rejected = RejectedDraft::new(&key, &draft("0123-2", 7));
        assert_eq!(RejectedDraft::of_text(&rejected.to_text()), Some(rejected.clone()));
        assert!(rejected.is(&draft("0123-2", 7)));
        assert!(!rejected.is(&draft("0124-2", 7)));
        assert!(!rejected.is(&draft("0123-2", 8)), "uploaded again");
        for bad in ["", "7", "7 YQ", "x YQ 0123", "7 !! 0123", "7  0123"] {
            assert_eq!(RejectedDraft::of_text(bad), None, "{bad:?}");
        }
    }
}
