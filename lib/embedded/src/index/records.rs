//! What is stored under a key. The shapes are the format on disk: changing one raises the format's number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::blobs::Segment;
use crate::checksums::{Checksums, UploadChecksum};
use crate::failure::Failure;

/// A bucket. Times are in milliseconds since 1970, here and below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    pub(crate) created_ms: i64,
    pub(crate) cors: Option<Vec<CorsRule>>,
}

/// One rule of a bucket's CORS configuration, as S3 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorsRule {
    pub(crate) id: Option<String>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) allowed_methods: Vec<String>,
    pub(crate) allowed_headers: Vec<String>,
    pub(crate) expose_headers: Vec<String>,
    pub(crate) max_age_seconds: Option<i32>,
}

/// What the writer of an object says about it, besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// An object: one version, as a GET shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
    pub(crate) attributes: Attributes,
    pub(crate) checksums: Checksums,
    pub(crate) segments: Vec<Segment>,
    /// Sizes of the parts it was completed from; empty for an object of one PUT.
    pub(crate) parts: Vec<u64>,
}

/// A multipart upload in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) initiated_ms: i64,
    pub(crate) attributes: Attributes,
    pub(crate) checksum: Option<UploadChecksum>,
}

/// A part of an upload in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    /// MD5 of its bytes; in hex it is the part's ETag.
    pub(crate) md5: [u8; 16],
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
    pub(crate) checksums: Checksums,
    pub(crate) segments: Vec<Segment>,
}

impl PartRecord {
    /// Without quotes.
    pub(crate) fn etag(&self) -> String {
        crate::checksums::hex(&self.md5)
    }
}

pub(super) fn encode(record: &impl Serialize) -> Result<Vec<u8>, Failure> {
    Ok(postcard::to_stdvec(record)?)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    Ok(postcard::from_bytes(bytes)?)
}
