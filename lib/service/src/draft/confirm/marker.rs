//! The trace that a confirm leaves in main's metadata: which version of which draft the object was made from.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_storage::{Attributes, ETag, ObjectKey};
use sha2::{Digest as _, Sha256};

/// Metadata under these names is the server's own: uploads may not set it, and what they set anyway is not copied.
pub(crate) const MARKER_PREFIX: &str = "draftstore-";

/// SHA-256 of the draft's key in base64url: keys are up to 1,024 bytes of UTF-8, metadata is short and ASCII.
const DRAFT: &str = "draftstore-draft";

/// The caller's own name for the confirm, where it gave one.
const IDEMPOTENCY_KEY: &str = "draftstore-idempotency-key";

/// The draft's `ETag`.
const SOURCE_ETAG: &str = "draftstore-source-etag";

/// The draft's attributes with the marker of this confirm, and no other marker.
pub(super) fn mark(
    attributes: &Attributes,
    draft_key: &ObjectKey,
    draft_etag: &ETag,
    idempotency_key: Option<&str>,
) -> Attributes {
    let mut marked = attributes.clone();
    marked.metadata.retain(|name, _| !name.starts_with(MARKER_PREFIX));
    marked.metadata.insert(DRAFT.to_owned(), fingerprint(draft_key));
    marked
        .metadata
        .insert(SOURCE_ETAG.to_owned(), draft_etag.as_str().to_owned());
    if let Some(key) = idempotency_key {
        marked.metadata.insert(IDEMPOTENCY_KEY.to_owned(), key.to_owned());
    }
    marked
}

/// Whether the object was made by a confirm with this key.
pub(super) fn bears_key(metadata: &BTreeMap<String, String>, idempotency_key: &str) -> bool {
    metadata.get(IDEMPOTENCY_KEY).is_some_and(|key| key == idempotency_key)
}

/// Whether the object was made from this draft, in this version where one is given.
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
    use super::*;

    fn key(text: &str) -> ObjectKey {
        text.parse().expect("valid key")
    }

    fn etag(text: &str) -> ETag {
        text.parse().expect("valid etag")
    }

    #[test]
    fn marker_names_one_version_of_one_draft() {
        let marked = mark(&Attributes::default(), &key("a"), &etag("1"), None).metadata;
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
        let marked = mark(&forged, &key("a"), &etag("1"), None).metadata;
        assert_eq!(marked.get("author").map(String::as_str), Some("ada"));
        assert!(!bears_key(&marked, "x"));
        assert!(names(&marked, &key("a"), Some(&etag("1"))));
    }
}
