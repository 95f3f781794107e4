//! Versions of objects in main, and copies of them.

use std::fmt;
use std::time::SystemTime;

use crate::{Attributes, ETag, IfDestination, MainBucket, ObjectKey};

/// The ID of a version of an object, in a bucket with versioning. Opaque: chosen by the store.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VersionId(String);

impl VersionId {
    /// The ID of versions from before versioning, and of all objects without it.
    pub const NULL: &'static str = "null";

    /// Wraps an ID that the store returned, or that a caller names.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the ID as the store returned it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A request for a page of the versions of one object.
#[derive(Debug, Clone)]
pub struct ListVersions<'a> {
    /// The bucket of the object.
    pub bucket: &'a MainBucket,
    /// The key of the object.
    pub key: &'a ObjectKey,
    /// The version to continue after: the last one of the previous page.
    pub after: Option<&'a VersionId>,
    /// The maximum number of versions, 1–1,000.
    pub max_versions: u16,
}

/// A version in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// The ID of the version.
    pub version_id: VersionId,
    /// The bytes of the version. `None` for a delete marker.
    pub bytes: Option<ListedBytes>,
    /// The time at which the version was created.
    pub last_modified: SystemTime,
    /// True for the current version, which a request without a version ID reads.
    pub is_current: bool,
}

/// The bytes of a version in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBytes {
    /// The version of the bytes.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
}

/// A page of versions, the newest first.
#[derive(Debug, Clone)]
pub struct VersionPage {
    /// The versions, at most 1,000.
    pub versions: Vec<ListedVersion>,
    /// The version to continue after, for [`ListVersions::after`]. `None` on the last page.
    pub next: Option<VersionId>,
}

/// A request to make a version of an object its current one, by a copy.
#[derive(Debug, Clone)]
pub struct CopyVersion<'a> {
    /// The bucket of the object.
    pub bucket: &'a MainBucket,
    /// The key of the object.
    pub key: &'a ObjectKey,
    /// The version to copy.
    pub version_id: &'a VersionId,
    /// The condition on the current version.
    pub if_destination: IfDestination<'a>,
    /// The headers, user metadata and options of the new version. None but the tags are taken over from the version.
    pub attributes: &'a Attributes,
}

/// The current version after a copy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionCopied {
    /// The version of the bytes.
    pub etag: ETag,
    /// The ID of the version, if the bucket has versioning.
    pub version_id: Option<VersionId>,
}
