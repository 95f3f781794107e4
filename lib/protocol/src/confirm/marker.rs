//! The marker of a confirm in main's metadata: it names the draft and its version from which the object was made, and
//! the request of an idempotency key.
//!
//! Everybody who may download the object sees its metadata. So the marker has only digests, which the service makes with
//! a secret, and the origin, which the service seals.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_storage::{Attributes, ETag, ObjectInfo, Sha256, StorageOptions, StoredAttributes};
use ulid::Ulid;

/// The prefix of the metadata reserved for the server. Uploads must not set such metadata, and it is not copied from
/// drafts.
pub const MARKER_PREFIX: &str = "draftstore-";

/// The digest of the draft's key.
const DRAFT: &str = "draftstore-draft";

/// The digest of the idempotency key, if the caller sent one.
const IDEMPOTENCY_KEY: &str = "draftstore-idempotency-key";

/// The digest of the request that the idempotency key was sent with.
const REQUEST: &str = "draftstore-request";

/// The ID of the confirm's atomic batch, if there is one.
const BATCH: &str = "draftstore-batch";

/// The `ETag` of the draft.
pub(crate) const SOURCE_ETAG: &str = "draftstore-source-etag";

/// The SHA-256 of the draft, if the store knows it. Some stores do not keep it with the copy.
const SOURCE_SHA256: &str = "draftstore-source-sha256";

/// The origin of the object, sealed by the service: which draft was confirmed, and when.
const ORIGIN: &str = "draftstore-origin";

/// The digest of the request that restored the object from an older version.
pub(crate) const RESTORED: &str = "draftstore-restored";

/// The digest of the request that copied or moved the object.
pub(crate) const COPIED: &str = "draftstore-copied";

/// The digest of the last request that updated the object. The marks of what it was before stay, for repeats of those requests.
pub(crate) const UPDATED: &str = "draftstore-updated";

/// The digest of the idempotency key of the request that copied or moved the object.
const COPIED_KEY: &str = "draftstore-copied-key";

/// The `ETag` of the object that the request copied or moved.
const COPIED_ETAG: &str = "draftstore-copied-etag";

/// The ID of an atomic batch of confirms. It is a ULID whose time is the deadline after which the batch undoes nothing.
pub type BatchId = Ulid;

/// A keyed digest in a marker. Without the secret, its input cannot be guessed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MarkerDigest(String);

impl MarkerDigest {
    /// Makes the text form of a keyed digest.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Returns the text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_in(&self, metadata: &BTreeMap<String, String>, name: &str) -> bool {
        metadata.get(name).is_some_and(|digest| *digest == self.0)
    }
}

/// The digests that identify a confirm, made with one secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MarkerDigests {
    /// The digest of the draft's key.
    pub draft: MarkerDigest,
    /// The digests of the idempotency key and its request, if the caller sent a key.
    pub request: Option<RequestDigests>,
}

/// The origin of an object in main, as its marker has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The text that the service sealed.
    pub sealed: &'a str,
    /// The `ETag` of the draft.
    pub draft_etag: &'a str,
}

impl<'a> Origin<'a> {
    /// Returns the origin in the metadata of an object, or `None` if no confirm made it.
    pub fn of(metadata: &'a BTreeMap<String, String>) -> Option<Self> {
        Some(Self {
            sealed: metadata.get(ORIGIN)?,
            draft_etag: metadata.get(SOURCE_ETAG)?,
        })
    }
}

/// The digests of an idempotency key, and of the request that it was sent with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestDigests {
    /// The digest of the idempotency key.
    pub key: MarkerDigest,
    /// The digest of the idempotency key with the rest of the request.
    pub request: MarkerDigest,
}

/// The relation of an object in main to a version of a draft, as its marker names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The object was made from another draft, from another version of this one, or without a confirm.
    Other,
    /// A confirm made the object from this version of the draft.
    Draft,
    /// This atomic batch made the object from this version of the draft, and may undo it unless it has settled.
    DraftInBatch(BatchId),
}

/// The use of a confirm's idempotency key by an object in main.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyUse {
    /// The object was made with another key, or without one.
    None,
    /// The object was made by the same request.
    SameRequest,
    /// The object was made with the same key by another request.
    OtherRequest,
}

impl MarkerDigests {
    /// Returns the attributes with this marker for a copy of the draft.
    pub(super) fn mark(
        &self,
        mut attributes: Attributes,
        draft: &ObjectInfo,
        batch: Option<BatchId>,
        origin: &str,
    ) -> Attributes {
        let metadata = &mut attributes.metadata;
        metadata.insert(ORIGIN.to_owned(), origin.to_owned());
        metadata.insert(DRAFT.to_owned(), self.draft.0.clone());
        metadata.insert(SOURCE_ETAG.to_owned(), draft.etag.as_str().to_owned());
        if let Some(sha256) = draft.checksum_sha256 {
            metadata.insert(SOURCE_SHA256.to_owned(), sha256.to_string());
        }
        if let Some(RequestDigests { key, request }) = &self.request {
            metadata.insert(IDEMPOTENCY_KEY.to_owned(), key.0.clone());
            metadata.insert(REQUEST.to_owned(), request.0.clone());
        }
        if let Some(batch) = batch {
            metadata.insert(BATCH.to_owned(), batch.to_string());
        }
        attributes
    }

    /// Returns true if the object was made from this draft, and from this version if one is given.
    pub fn match_draft(&self, metadata: &BTreeMap<String, String>, draft_etag: Option<&ETag>) -> bool {
        let same_draft = self.draft.is_in(metadata, DRAFT);
        let same_version =
            draft_etag.is_none_or(|etag| metadata.get(SOURCE_ETAG).is_some_and(|mark| mark == etag.as_str()));
        same_draft && same_version
    }

    /// Returns the relation of an object in main to a version of this draft.
    pub fn provenance(&self, main: &ObjectInfo, draft_etag: &ETag, now: SystemTime) -> Provenance {
        let metadata = &main.attributes.metadata;
        if !self.match_draft(metadata, Some(draft_etag)) {
            return Provenance::Other;
        }
        held_by(metadata, None, now).map_or(Provenance::Draft, Provenance::DraftInBatch)
    }

    /// Returns the object's use of the idempotency key.
    pub(super) fn key_use(&self, metadata: &BTreeMap<String, String>) -> KeyUse {
        let Some(RequestDigests { key, request }) = &self.request else {
            return KeyUse::None;
        };
        let same_key = has_key(metadata, key);
        let same_request = request.is_in(metadata, REQUEST);
        match (same_key, same_request) {
            (false, _) => KeyUse::None,
            (true, true) => KeyUse::SameRequest,
            (true, false) => KeyUse::OtherRequest,
        }
    }
}

/// Returns true if the object has other bytes than the version that its marker names. Its own `ETag` is an MD5.
pub(super) fn names_other_bytes(metadata: &BTreeMap<String, String>, md5: &ETag) -> bool {
    let source = metadata.get(SOURCE_ETAG).and_then(|etag| etag.parse::<ETag>().ok());
    source.is_some_and(|source| source.may_be_md5() && source != *md5)
}

/// Returns the attributes of a restored version with these options, and with the mark of the request that restores it.
///
/// The marker of its confirm stays, so that a repeat of the confirm is answered by it. The mark of a batch does not: the
/// batch would take the object for its own.
pub(crate) fn restored(stored: &StoredAttributes, options: StorageOptions, request: &MarkerDigest) -> Attributes {
    let mut attributes = Attributes::of_stored(stored, options);
    attributes.metadata.remove(BATCH);
    attributes.metadata.insert(RESTORED.to_owned(), request.0.clone());
    attributes
}

/// Returns true if this request restored the object.
pub(crate) fn is_restored_by(metadata: &BTreeMap<String, String>, request: &MarkerDigest) -> bool {
    request.is_in(metadata, RESTORED)
}

/// Marks the metadata of an object with the request that updates it, and removes what does not hold for the update: a batch
/// would take the object for its own, and a restore its attributes.
pub(crate) fn mark_updated(metadata: &mut BTreeMap<String, String>, request: &MarkerDigest) {
    metadata.remove(BATCH);
    metadata.remove(RESTORED);
    metadata.insert(UPDATED.to_owned(), request.0.clone());
}

/// Marks the metadata of a copy with the request that makes it, its idempotency key, and the version of its source. Removes what
/// does not hold for a copy under another name, and sets the origin that is sealed for that: the draft was confirmed under the
/// first name alone.
pub(crate) fn mark_copied(
    metadata: &mut BTreeMap<String, String>,
    origin: Option<&str>,
    request: &MarkerDigest,
    key: Option<&MarkerDigest>,
    source: &ETag,
) {
    let is_of_bytes = |name: &str| matches!(name, SOURCE_ETAG | SOURCE_SHA256);
    metadata.retain(|name, _| !name.starts_with(MARKER_PREFIX) || is_of_bytes(name));
    metadata.extend(origin.map(|origin| (ORIGIN.to_owned(), origin.to_owned())));
    metadata.extend(key.map(|key| (COPIED_KEY.to_owned(), key.0.clone())));
    metadata.insert(COPIED.to_owned(), request.0.clone());
    metadata.insert(COPIED_ETAG.to_owned(), source.as_str().to_owned());
}

/// Returns true if this request copied, moved or updated the object.
pub(crate) fn is_copied_by(metadata: &BTreeMap<String, String>, request: &MarkerDigest) -> bool {
    request.is_in(metadata, COPIED) || request.is_in(metadata, UPDATED)
}

/// Returns true if the request that confirmed, copied or moved the object had this idempotency key.
pub(crate) fn has_key(metadata: &BTreeMap<String, String>, key: &MarkerDigest) -> bool {
    key.is_in(metadata, IDEMPOTENCY_KEY) || key.is_in(metadata, COPIED_KEY)
}

/// Returns the `ETag` of the object that was copied or moved to make this one.
pub(crate) fn copied_etag(metadata: &BTreeMap<String, String>) -> Option<&str> {
    metadata.get(COPIED_ETAG).map(String::as_str)
}

/// Returns the SHA-256 of the draft that the object was made from, if it was known.
pub(super) fn source_sha256(metadata: &BTreeMap<String, String>) -> Option<Sha256> {
    metadata.get(SOURCE_SHA256)?.parse().ok()
}

/// Returns the batch, other than `own`, that made the object and has not reached its deadline. It may undo the object
/// unless it has settled.
pub(crate) fn held_by(metadata: &BTreeMap<String, String>, own: Option<BatchId>, now: SystemTime) -> Option<BatchId> {
    batch_of(metadata).filter(|batch| Some(*batch) != own && batch.datetime() > now)
}

/// Returns the atomic batch that made the object.
pub(super) fn batch_of(metadata: &BTreeMap<String, String>) -> Option<BatchId> {
    Ulid::from_string(metadata.get(BATCH)?).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use draftstore_storage::StoredAttributes;

    use super::super::agreement::Agreement;
    use super::*;

    fn digest(text: &str) -> MarkerDigest {
        let mut bytes = [0; 32];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        MarkerDigest::new(bytes)
    }

    fn digests(draft: &str, request: Option<(&str, &str)>) -> MarkerDigests {
        MarkerDigests {
            draft: digest(draft),
            request: request.map(|(key, request)| RequestDigests {
                key: digest(key),
                request: digest(request),
            }),
        }
    }

    fn etag(text: &str) -> ETag {
        text.parse().expect("valid etag")
    }

    fn draft(version: &str) -> ObjectInfo {
        ObjectInfo {
            etag: etag(version),
            size: 1,
            last_modified: SystemTime::UNIX_EPOCH,
            etag_is_md5: false,
            version_id: None,
            checksum_sha256: Some(Sha256::from([7; 32])),
            attributes: StoredAttributes::default(),
        }
    }

    fn mark(batch: Option<BatchId>) -> BTreeMap<String, String> {
        let digests = digests("a", Some(("k", "k a")));
        digests
            .mark(Attributes::default(), &draft("1"), batch, "sealed")
            .metadata
    }

    #[test]
    fn marker_names_one_version_of_one_draft() {
        let marked = mark(None);
        let [draft, another] = ["a", "b"].map(|draft| digests(draft, None));
        assert!(draft.match_draft(&marked, None));
        assert!(draft.match_draft(&marked, Some(&etag("1"))));
        assert!(!draft.match_draft(&marked, Some(&etag("2"))));
        assert!(!another.match_draft(&marked, None));
        assert!(!draft.match_draft(&BTreeMap::new(), None));
    }

    #[test]
    fn marker_distinguishes_a_repeat_from_a_reused_key() {
        let marked = mark(None);
        for (request, expected) in [
            (None, KeyUse::None),
            (Some(("k", "k a")), KeyUse::SameRequest),
            (Some(("k", "k b")), KeyUse::OtherRequest),
            (Some(("l", "l a")), KeyUse::None),
            (Some(("l", "k a")), KeyUse::None),
        ] {
            assert_eq!(digests("a", request).key_use(&marked), expected, "{request:?}");
            assert_eq!(digests("a", request).key_use(&BTreeMap::new()), KeyUse::None);
        }
    }

    #[test]
    fn forged_marker_of_an_upload_is_not_copied() {
        let mut forged = Attributes::default();
        let mut set = |name: &str, value: &str| forged.metadata.insert(name.to_owned(), value.to_owned());
        set("author", "ada");
        set(IDEMPOTENCY_KEY, &digest("x").0);
        set(REQUEST, &digest("x a").0);
        set(SOURCE_ETAG, "9");
        set(SOURCE_SHA256, &Sha256::from([9; 32]).to_string());
        let kept = Agreement::of(&forged.into()).kept;
        let marked = digests("a", None).mark(kept, &draft("1"), None, "sealed").metadata;
        assert_eq!(marked.get("author").map(String::as_str), Some("ada"));
        assert_eq!(digests("a", Some(("x", "x a"))).key_use(&marked), KeyUse::None);
        assert!(digests("a", None).match_draft(&marked, Some(&etag("1"))));
        assert_eq!(source_sha256(&marked), Some(Sha256::from([7; 32])));
    }

    #[test]
    fn batch_holds_what_it_made_until_it_cannot_take_it_back() {
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let [batch, other] = [1, 2].map(|random| Ulid::from_parts(1_000_000, random));
        let marked = mark(Some(batch));
        let before = until - Duration::from_secs(1);
        assert_eq!(held_by(&marked, None, before), Some(batch));
        assert_eq!(held_by(&marked, Some(other), before), Some(batch));
        assert_eq!(held_by(&marked, Some(batch), before), None, "its own");
        assert_eq!(held_by(&marked, None, until), None);
        assert_eq!(held_by(&mark(None), None, before), None);
    }
}
