//! Metadata of an object.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::{ETag, Sha256};

/// The metadata of an object, as returned by `HeadObject`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectInfo {
    /// The version of the bytes.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last modification. For a multipart object, some stores return the time at which the upload was
    /// *initiated*.
    pub last_modified: SystemTime,
    /// The SHA-256 of the whole object, if it was uploaded with one and the store kept it.
    pub checksum_sha256: Option<Sha256>,
    /// The headers and user metadata.
    pub attributes: Attributes,
}

/// The headers and user metadata that are stored with an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// The value of the `Content-Type` header.
    pub content_type: Option<String>,
    /// The value of the `Content-Encoding` header.
    pub content_encoding: Option<String>,
    /// The value of the `Content-Language` header.
    pub content_language: Option<String>,
    /// The value of the `Content-Disposition` header.
    pub content_disposition: Option<String>,
    /// The value of the `Cache-Control` header.
    pub cache_control: Option<String>,
    /// The user metadata (`x-amz-meta-*`). Names are in lower case, without that prefix.
    pub metadata: BTreeMap<String, String>,
}
