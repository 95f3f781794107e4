//! Multipart uploads that were begun and neither completed nor aborted.

use std::fmt;
use std::time::SystemTime;

use crate::ObjectKey;

/// The store's ID of a multipart upload. Opaque.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UploadId(String);

impl UploadId {
    /// Wraps the ID that the store gave.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the ID as the store gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A request for a page of uploads. The default is the first page of the whole bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ListUploads {
    /// The prefix of the keys to list. (MinIO lists only uploads of exactly this key.)
    pub prefix: Option<String>,
    /// The end of the previous page: its [`UploadPage::next`].
    pub after: Option<UploadCursor>,
    /// The maximum number of uploads, 1–1,000; S3's 1,000 where unset.
    pub max_uploads: Option<u16>,
}

/// A place between two pages of uploads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadCursor {
    /// The `NextKeyMarker` of S3.
    pub key_marker: String,
    /// S3's `NextUploadIdMarker`, where the store gives one.
    pub upload_id_marker: Option<String>,
}

/// One upload in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedUpload {
    /// The key that it would become.
    pub key: ObjectKey,
    /// The ID of the upload.
    pub upload_id: UploadId,
    /// The time at which it was begun.
    pub initiated: SystemTime,
}

/// A page of uploads.
#[derive(Debug, Clone)]
pub struct UploadPage {
    /// The uploads, at most 1,000.
    pub uploads: Vec<ListedUpload>,
    /// For [`ListUploads::after`]; none when this was the last page.
    pub next: Option<UploadCursor>,
    /// The store's own clock when it answered (its `Date` header), to judge ages by.
    pub store_time: Option<SystemTime>,
}
