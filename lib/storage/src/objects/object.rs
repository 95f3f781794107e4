//! The description of an object.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::{ETag, Sha256};

/// An object as HEAD describes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectInfo {
    /// The version of the bytes.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The time at which the store took it. For a multipart object some stores give the time at which the upload was
    /// *initiated*.
    pub last_modified: SystemTime,
    /// SHA-256 of the whole object, where it was sent with one and the store kept it.
    pub checksum_sha256: Option<Sha256>,
    /// The attributes stored beside the bytes.
    pub attributes: Attributes,
}

/// The headers and metadata that are stored beside the bytes and survive a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// The header `Content-Language`.
    pub content_language: Option<String>,
    /// The header `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// The header `Cache-Control`.
    pub cache_control: Option<String>,
    /// User metadata (`x-amz-meta-*`), names in lower case without that prefix.
    pub metadata: BTreeMap<String, String>,
}
