//! The records of the index. Their shapes are the format on disk: changing one requires a new format number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::blobs::Segment;
use crate::checksums::{Checksums, UploadChecksum};
use crate::error::BackendError;

/// A bucket. Times are in milliseconds since 1970 in all records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    pub(crate) created_ms: i64,
    pub(crate) cors: Option<Vec<CorsRuleRecord>>,
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
}

/// An object as a GET returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    /// The ETag without quotes.
    pub(crate) etag: String,
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
    pub(crate) attributes: ObjectAttributes,
    pub(crate) checksums: Checksums,
    pub(crate) segments: Vec<Segment>,
    /// The sizes of the parts the object was completed from; empty for an object of one PUT.
    pub(crate) parts: Vec<u64>,
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
