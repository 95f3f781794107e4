//! Listing objects, a page at a time.

use std::time::SystemTime;

use crate::{ETag, ObjectKey};

/// A request for a page of objects. The default is the first page of the whole bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ListObjects {
    /// The prefix of the keys to list.
    pub prefix: Option<String>,
    /// The key to start after, in byte order; it need not exist.
    pub start_after: Option<String>,
    /// The end of the previous page: its [`ObjectPage::next`].
    pub continuation: Option<String>,
    /// The maximum number of keys, 1–1,000; S3's 1,000 where unset.
    pub max_keys: Option<u16>,
}

/// One object in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedObject {
    /// The object key, verbatim.
    pub key: ObjectKey,
    /// The version that was listed.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The time of change: see [`crate::ObjectInfo::last_modified`].
    pub last_modified: SystemTime,
}

/// A page of objects, in byte order of their keys.
#[derive(Debug, Clone)]
pub struct ObjectPage {
    /// The objects, at most 1,000.
    pub objects: Vec<ListedObject>,
    /// For [`ListObjects::continuation`]; none when this was the last page.
    pub next: Option<String>,
    /// The store's own clock when it answered (its `Date` header), to judge ages by.
    pub store_time: Option<SystemTime>,
}
