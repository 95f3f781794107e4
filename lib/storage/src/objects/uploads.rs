//! Listings of multipart uploads in progress.

use std::fmt;
use std::time::SystemTime;

use crate::ObjectKey;

/// The ID of a multipart upload. Opaque: chosen by the store.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UploadId(String);

impl UploadId {
    /// Wraps an ID that the store returned.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the ID as the store returned it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A request for a page of multipart uploads. The default is the first page of the whole bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ListUploads {
    /// The prefix of the keys to list. MinIO lists only the uploads to exactly this key.
    pub prefix: Option<String>,
    /// The cursor to continue after: [`UploadPage::next`] of the previous page.
    pub after: Option<UploadCursor>,
    /// The maximum number of uploads, 1–1,000. Defaults to 1,000.
    pub max_uploads: Option<u16>,
}

/// A cursor between two pages of multipart uploads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadCursor {
    /// The `NextKeyMarker` of the previous page.
    pub key_marker: String,
    /// The `NextUploadIdMarker` of the previous page, if the store returned one.
    pub upload_id_marker: Option<String>,
}

/// A multipart upload in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedUpload {
    /// The key of the object that the upload creates.
    pub key: ObjectKey,
    /// The ID of the upload.
    pub upload_id: UploadId,
    /// The time at which the upload was begun.
    pub initiated: SystemTime,
}

/// A page of multipart uploads.
#[derive(Debug, Clone)]
pub struct UploadPage {
    /// The uploads, at most 1,000.
    pub uploads: Vec<ListedUpload>,
    /// The cursor of the next page, for [`ListUploads::after`]. `None` on the last page.
    pub next: Option<UploadCursor>,
    /// The time by the store's own clock (the `Date` header of the response), from which ages are computed.
    pub store_time: Option<SystemTime>,
}
