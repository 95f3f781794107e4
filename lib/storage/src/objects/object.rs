//! Metadata of an object.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::{ETag, MediaType, ObjectHeader, ObjectHeaders, Sha256, StorageOptions, VersionId};

/// The metadata of an object, as returned by `HeadObject`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectInfo {
    /// The version of the bytes.
    pub etag: ETag,
    /// Set if the `ETag` is the MD5 of the bytes, on a store whose tags are. It is not if a key of KMS or of a customer
    /// encrypts the object.
    pub etag_is_md5: bool,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last modification. For a multipart object, some stores return the time at which the upload was
    /// *initiated*.
    pub last_modified: SystemTime,
    /// The SHA-256 of the whole object, if it was uploaded with one and the store kept it.
    pub checksum_sha256: Option<Sha256>,
    /// The ID of the version, if the bucket has versioning.
    pub version_id: Option<VersionId>,
    /// The headers and user metadata.
    pub attributes: StoredAttributes,
}

/// The headers and user metadata that a store reports of an object. Whoever uploaded it may have set them to anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct StoredAttributes {
    /// The value of the `Content-Type` header.
    pub content_type: Option<String>,
    /// The values of the other headers.
    pub headers: BTreeMap<ObjectHeader, String>,
    /// The user metadata (`x-amz-meta-*`). Names are in lower case, without that prefix.
    pub metadata: BTreeMap<String, String>,
    /// The options that were agreed on when the upload was issued, as far as the server has authenticated them. No store
    /// reports them here.
    pub agreed_options: Option<Box<StorageOptions>>,
}

/// The headers, user metadata and options of an object that is written or may be uploaded. Only parsed values can be in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// The media type to store.
    pub content_type: Option<MediaType>,
    /// The other headers to store.
    pub headers: ObjectHeaders,
    /// The user metadata (`x-amz-meta-*`). Names are in lower case, without that prefix.
    pub metadata: BTreeMap<String, String>,
    /// The options of how the store keeps the object.
    pub options: StorageOptions,
}

impl Attributes {
    /// The absence of all headers, metadata and options.
    pub const NONE: &'static Self = &Self {
        content_type: None,
        headers: ObjectHeaders::NONE,
        metadata: BTreeMap::new(),
        options: StorageOptions::NONE,
    };

    /// Returns the attributes of an object for a copy of it, with these options. A stored header that cannot be
    /// parsed is left out.
    pub fn of_stored(stored: &StoredAttributes, options: StorageOptions) -> Self {
        let content_type = stored.content_type.as_deref();
        let mut headers = ObjectHeaders::NONE;
        for (&header, value) in &stored.headers {
            // The error is the header that is left out.
            let _ = headers.set(header, value);
        }
        Self {
            content_type: content_type.map(|text| MediaType::of_stored(Some(text))),
            headers,
            metadata: stored.metadata.clone(),
            options,
        }
    }

    /// Returns the names and values of all headers, with those of the metadata and without those of the options.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'static, str>, &str)> {
        let content_type = self.content_type.iter();
        let content_type = content_type.map(|value| (Cow::Borrowed("content-type"), value.as_str()));
        let headers = self.headers.iter();
        let headers = headers.map(|(header, value)| (Cow::Borrowed(header.header()), value));
        let metadata = self.metadata.iter();
        let metadata = metadata.map(|(name, value)| (Cow::Owned(format!("x-amz-meta-{name}")), value.as_str()));
        content_type.chain(headers).chain(metadata)
    }
}

impl From<Attributes> for StoredAttributes {
    /// Returns what a store reports that keeps everything as it was written.
    fn from(written: Attributes) -> Self {
        let headers = written.headers.iter();
        Self {
            headers: headers.map(|(header, value)| (header, value.to_owned())).collect(),
            content_type: written.content_type.map(|value| value.to_string()),
            metadata: written.metadata,
            agreed_options: None,
        }
    }
}
