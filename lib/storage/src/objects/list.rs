//! Listings of objects.

use std::time::SystemTime;

use crate::{ETag, ObjectKey};

/// A request for a page of objects. The default is the first page of the whole bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ListObjects {
    /// The prefix of the keys to list.
    pub prefix: Option<String>,
    /// The text at which keys are cut: those with the same beginning up to it, after the prefix, are listed as one prefix.
    pub delimiter: Option<String>,
    /// The key to start after, in byte order. The key need not exist.
    pub start_after: Option<String>,
    /// The token to continue with: [`ObjectPage::next`] of the previous page.
    pub continuation: Option<String>,
    /// The maximum number of keys and prefixes, 1–1,000. Defaults to 1,000.
    pub max_keys: Option<u16>,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedObject {
    /// The object key, verbatim.
    pub key: ObjectKey,
    /// The version of the object.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last modification. See [`crate::ObjectInfo::last_modified`].
    pub last_modified: SystemTime,
    /// The storage class, by the store's name, if the store lists it.
    pub storage_class: Option<String>,
}

/// A page of objects, in byte order of their keys.
#[derive(Debug, Clone)]
pub struct ObjectPage {
    /// The objects, at most 1,000.
    pub objects: Vec<ListedObject>,
    /// The prefixes of keys that were cut at the delimiter, in byte order. Each ends with the delimiter.
    pub prefixes: Vec<String>,
    /// The token of the next page, for [`ListObjects::continuation`]. `None` on the last page.
    pub next: Option<String>,
    /// The time by the store's own clock (the `Date` header of the response), from which ages are computed.
    pub store_time: Option<SystemTime>,
}
