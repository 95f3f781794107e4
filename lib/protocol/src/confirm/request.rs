//! The request of a confirm.

use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_storage::{ETag, ObjectHeaders, ObjectInfo, Sha256, StorageOptions};

use super::marker::{self, BatchId, MarkerDigests};
use super::plan::Plan;

/// The maximum size of an object that one `CopyObject` can copy: 5 GiB.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub const MAX_COPY_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// The parameters of one confirm.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Confirm {
    /// The digests that identify the confirm in main.
    pub digests: MarkerDigests,
    /// The digests that earlier secrets give. Markers with them are recognised, and none is written.
    pub former_digests: Vec<MarkerDigests>,
    /// The sealed origin of the object that this confirm makes.
    pub origin: String,
    /// The properties that the draft must have, and so must the object that an earlier confirm made.
    pub pins: Pins,
    /// The treatment of an object that main already has.
    pub existing: Existing,
    /// The headers that the object in main has, whatever was agreed on when the upload was issued.
    pub headers: ObjectHeaders,
    /// The tags that the object in main has, beside those of the options.
    pub tags: BTreeMap<String, String>,
    /// The options of the object in main. They win over those that were agreed on when the upload was issued.
    pub options: StorageOptions,
    /// The size in bytes above which a draft is copied part by part.
    pub max_copy_bytes: u64,
    /// The variant of the protocol for this store and draft.
    pub plan: Plan,
    /// True if the bytes of the draft must be accepted by checks before they are copied.
    pub is_checked: bool,
    /// The atomic batch of the confirm, if any. The confirm then pauses before its first change, and before it removes
    /// the draft.
    pub batch: Option<BatchId>,
    /// The time at which the confirm began.
    pub now: SystemTime,
}

/// The properties that a confirm requires of its draft.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Pins {
    /// The version of the draft.
    pub if_match: Option<ETag>,
    /// The size of the draft in bytes.
    pub content_length: Option<u64>,
    /// The checksum of the draft, which the store must know.
    pub checksum_sha256: Option<Sha256>,
}

impl Pins {
    /// Returns the pin that a draft does not match, if any.
    pub(super) fn broken_by_draft(&self, draft: &ObjectInfo) -> Option<&'static str> {
        let other_version = self.if_match.as_ref().is_some_and(|pin| *pin != draft.etag);
        other_version
            .then_some("if_match")
            .or_else(|| self.broken_by(draft.size, draft.checksum_sha256))
    }

    /// Returns the pin that a copy in main does not match, if any. The version is not compared, since a copy may have
    /// another. A copy without a checksum has that of its draft.
    pub(super) fn broken_by_copy(&self, main: &ObjectInfo) -> Option<&'static str> {
        let of_draft = || marker::source_sha256(&main.attributes.metadata);
        self.broken_by(main.size, main.checksum_sha256.or_else(of_draft))
    }

    fn broken_by(&self, size: u64, checksum_sha256: Option<Sha256>) -> Option<&'static str> {
        if self.content_length.is_some_and(|bytes| bytes != size) {
            Some("content_length")
        } else if self.checksum_sha256.is_some() && self.checksum_sha256 != checksum_sha256 {
            Some("checksum_sha256")
        } else {
            None
        }
    }
}

/// The treatment of an object that main already has under the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Existing {
    /// Keeps the object, and fails the confirm.
    Keep,
    /// Replaces the object, if it is this version, or without one, the version that was seen when the confirm began.
    Replace(Option<ETag>),
}
