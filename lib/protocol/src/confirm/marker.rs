//! The marker of a confirm in main's metadata: it names the draft and its version from which the object was made.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_storage::{Attributes, ETag, ObjectKey};
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

/// The prefix of the metadata reserved for the server. Uploads must not set such metadata, and it is not copied from
/// drafts.
pub const MARKER_PREFIX: &str = "draftstore-";

/// The SHA-256 of the draft's key in base64url. Keys have up to 1,024 bytes of UTF-8, and metadata is short and ASCII.
const DRAFT: &str = "draftstore-draft";

/// The idempotency key of the confirm, if the caller sent one.
const IDEMPOTENCY_KEY: &str = "draftstore-idempotency-key";

/// The ID of the confirm's atomic batch, if there is one.
const BATCH: &str = "draftstore-batch";

/// The `ETag` of the draft.
const SOURCE_ETAG: &str = "draftstore-source-etag";

/// The ID of an atomic batch of confirms. It is a ULID whose time is the deadline after which the batch undoes nothing.
pub type BatchId = Ulid;

/// The metadata that a confirm adds to the object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marker<'a> {
    pub(super) draft_key: &'a ObjectKey,
    pub(super) draft_etag: &'a ETag,
    pub(super) idempotency_key: Option<&'a str>,
    pub(super) batch: Option<BatchId>,
}

impl Marker<'_> {
    /// Returns the draft's attributes with this marker, and without any other.
    pub(super) fn on(&self, attributes: &Attributes) -> Attributes {
        let mut marked = attributes.clone();
        let metadata = &mut marked.metadata;
        metadata.retain(|name, _| !name.starts_with(MARKER_PREFIX));
        metadata.insert(DRAFT.to_owned(), fingerprint(self.draft_key));
        metadata.insert(SOURCE_ETAG.to_owned(), self.draft_etag.as_str().to_owned());
        if let Some(key) = self.idempotency_key {
            metadata.insert(IDEMPOTENCY_KEY.to_owned(), key.to_owned());
        }
        if let Some(batch) = self.batch {
            metadata.insert(BATCH.to_owned(), batch.to_string());
        }
        marked
    }
}

/// Returns the batch, other than `own`, that made the object and has not reached its deadline. It may undo the object
/// unless it has settled.
pub(super) fn held_by(metadata: &BTreeMap<String, String>, own: Option<BatchId>, now: SystemTime) -> Option<BatchId> {
    batch_of(metadata).filter(|batch| Some(*batch) != own && batch.datetime() > now)
}

/// Returns the atomic batch that made the object.
pub(super) fn batch_of(metadata: &BTreeMap<String, String>) -> Option<BatchId> {
    Ulid::from_string(metadata.get(BATCH)?).ok()
}

/// Returns true if a confirm with this idempotency key made the object.
pub(super) fn bears_key(metadata: &BTreeMap<String, String>, idempotency_key: &str) -> bool {
    metadata.get(IDEMPOTENCY_KEY).is_some_and(|key| key == idempotency_key)
}

/// Returns true if the object was made from this draft, and from this version if one is given.
pub(super) fn names(metadata: &BTreeMap<String, String>, draft_key: &ObjectKey, draft_etag: Option<&ETag>) -> bool {
    let same_draft = metadata.get(DRAFT).is_some_and(|mark| *mark == fingerprint(draft_key));
    let same_version =
        draft_etag.is_none_or(|etag| metadata.get(SOURCE_ETAG).is_some_and(|mark| mark == etag.as_str()));
    same_draft && same_version
}

fn fingerprint(key: &ObjectKey) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(key.as_str()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(text: &str) -> ObjectKey {
        text.parse().expect("valid key")
    }

    fn etag(text: &str) -> ETag {
        text.parse().expect("valid etag")
    }

    fn mark(
        attributes: &Attributes,
        draft_key: &str,
        draft_etag: &str,
        batch: Option<BatchId>,
    ) -> BTreeMap<String, String> {
        let (draft_key, draft_etag) = (key(draft_key), etag(draft_etag));
        let marker = Marker {
            draft_key: &draft_key,
            draft_etag: &draft_etag,
            idempotency_key: None,
            batch,
        };
        marker.on(attributes).metadata
    }

    #[test]
    fn marker_names_one_version_of_one_draft() {
        let marked = mark(&Attributes::default(), "a", "1", None);
        assert!(names(&marked, &key("a"), None));
        assert!(names(&marked, &key("a"), Some(&etag("1"))));
        assert!(!names(&marked, &key("a"), Some(&etag("2"))));
        assert!(!names(&marked, &key("b"), None));
        assert!(!names(&BTreeMap::new(), &key("a"), None));
    }

    #[test]
    fn forged_marker_of_an_upload_is_not_copied() {
        let mut forged = Attributes::default();
        forged.metadata.insert("author".to_owned(), "ada".to_owned());
        forged
            .metadata
            .insert("draftstore-idempotency-key".to_owned(), "x".to_owned());
        forged.metadata.insert(SOURCE_ETAG.to_owned(), "9".to_owned());
        let marked = mark(&forged, "a", "1", None);
        assert_eq!(marked.get("author").map(String::as_str), Some("ada"));
        assert!(!bears_key(&marked, "x"));
        assert!(names(&marked, &key("a"), Some(&etag("1"))));
    }

    #[test]
    fn batch_holds_what_it_made_until_it_cannot_take_it_back() {
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let [batch, other] = [1, 2].map(|random| Ulid::from_parts(1_000_000, random));
        let marked = mark(&Attributes::default(), "a", "1", Some(batch));
        let before = until - Duration::from_secs(1);
        assert_eq!(held_by(&marked, None, before), Some(batch));
        assert_eq!(held_by(&marked, Some(other), before), Some(batch));
        assert_eq!(held_by(&marked, Some(batch), before), None, "its own");
        assert_eq!(held_by(&marked, None, until), None);
        assert_eq!(
            held_by(&mark(&Attributes::default(), "a", "1", None), None, before),
            None
        );
    }
}
