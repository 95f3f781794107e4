//! The records of the index. Their shapes are the format on disk: changing one requires a new format number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::versions::VersionStamp;
use crate::blobs::Segment;
use crate::checksums::{Checksums, UploadChecksum};
use crate::error::BackendError;

/// A bucket. Times are in milliseconds since 1970 in all records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    pub(crate) created_ms: i64,
    pub(crate) cors: Option<Vec<CorsRuleRecord>>,
    pub(crate) versioning: Versioning,
    /// The configuration of object lock, if the bucket has it.
    pub(crate) lock: Option<LockConfig>,
    /// The lifecycle configuration as S3's XML, if there is one.
    pub(crate) lifecycle: Option<String>,
}

/// The versions that a bucket keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    /// Never enabled: every object is the version `null`.
    #[default]
    Unversioned,
    Enabled,
    /// Older versions stay, and new ones replace the version `null`.
    Suspended,
}

impl Versioning {
    /// Returns the version ID in the response to a write: none for a version `null`, as in S3.
    pub(crate) fn new_id(self, stamp: VersionStamp) -> Option<String> {
        (self == Self::Enabled).then(|| stamp.id())
    }

    /// Returns the version ID that responses contain, or `None` if the bucket never had versions.
    pub(crate) fn visible_id(self, stamp: VersionStamp) -> Option<String> {
        (self != Self::Unversioned).then(|| stamp.id())
    }
}

/// The object lock of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LockConfig {
    pub(crate) default_retention: Option<RetentionRule>,
}

/// The retention of new objects that come without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RetentionRule {
    pub(crate) mode: RetentionMode,
    pub(crate) period: RetentionPeriod,
}

/// A period in the unit in which it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RetentionPeriod {
    Days(u32),
    Years(u32),
}

/// The mode of a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RetentionMode {
    /// A retention that a request can bypass explicitly.
    Governance,
    /// A retention that cannot be bypassed.
    Compliance,
}

/// A retention of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    pub(crate) mode: RetentionMode,
    pub(crate) until_ms: i64,
}

/// The locks of a version, each `None` if it was never set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectLock {
    pub(crate) retention: Option<Retention>,
    pub(crate) legal_hold: Option<bool>,
}

impl ObjectLock {
    /// Returns true if the version must not be deleted.
    pub(super) fn forbids(self, permit: DeletePermit) -> bool {
        let in_force = self.retention.filter(|retention| retention.until_ms > permit.now_ms);
        let retained = in_force.is_some_and(|retention| match retention.mode {
            RetentionMode::Governance => !permit.bypass_governance,
            RetentionMode::Compliance => true,
        });
        retained || self.legal_hold == Some(true)
    }
}

/// The terms of a deletion of a version: its time, and whether the request bypasses governance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeletePermit {
    pub(crate) now_ms: i64,
    pub(crate) bypass_governance: bool,
}

/// The storage class of an object: a label, but for the archives, whose objects must be restored before they are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ObjectClass {
    #[default]
    Standard,
    ReducedRedundancy,
    StandardIa,
    OneZoneIa,
    IntelligentTiering,
    GlacierInstantRetrieval,
    Glacier,
    DeepArchive,
}

/// A restored copy of an archived object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Restored {
    /// The time from which it can be read.
    pub(crate) from_ms: i64,
    /// The time from which it can no longer be read.
    pub(crate) until_ms: i64,
}

/// A rule of a bucket's CORS configuration, with S3's fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorsRuleRecord {
    pub(crate) id: Option<String>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) allowed_methods: Vec<String>,
    pub(crate) allowed_headers: Vec<String>,
    pub(crate) expose_headers: Vec<String>,
    pub(crate) max_age_seconds: Option<i32>,
}

/// The metadata that the writer of an object gives, besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectAttributes {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) class: ObjectClass,
    pub(crate) lock: ObjectLock,
}

/// An object as a GET returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    pub(crate) version: VersionStamp,
    /// The ETag without quotes.
    pub(crate) etag: String,
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
    pub(crate) attributes: ObjectAttributes,
    pub(crate) checksums: Checksums,
    pub(crate) segments: Vec<Segment>,
    /// The parts that the object was completed from; empty for an object of one PUT.
    pub(crate) parts: Vec<ObjectPartRecord>,
    /// The ID of the upload that the object was completed from, by which a repeated completion is recognized.
    pub(crate) upload_id: Option<String>,
    pub(crate) restored: Option<Restored>,
}

/// A part of an object that was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectPartRecord {
    pub(crate) size: u64,
    pub(crate) checksums: Checksums,
}

/// A multipart upload in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) initiated_ms: i64,
    pub(crate) attributes: ObjectAttributes,
    pub(crate) checksum: Option<UploadChecksum>,
}

/// A part of an upload in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    /// The MD5 of the bytes, which in hex is the ETag of the part.
    pub(crate) md5: [u8; 16],
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
    pub(crate) checksums: Checksums,
    pub(crate) segments: Vec<Segment>,
}

impl PartRecord {
    /// The ETag without quotes.
    pub(crate) fn etag(&self) -> String {
        hex::encode(self.md5)
    }
}

pub(super) fn encode(record: &impl Serialize) -> Result<Vec<u8>, BackendError> {
    Ok(postcard::to_stdvec(record)?)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BackendError> {
    Ok(postcard::from_bytes(bytes)?)
}
