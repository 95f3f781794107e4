//! Descriptions and deletes of objects in main.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::{ETag, ErrorKind, ObjectInfo, ObjectKey, RestoreStatus, VersionId};

/// Everything that a store reports of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDescription {
    /// The metadata of the object.
    pub info: ObjectInfo,
    /// The checksums that the store kept, in base64, by the algorithm in lower case, such as `sha256`. Those of objects
    /// that were uploaded in parts may end in a dash and the number of parts.
    pub checksums: BTreeMap<&'static str, String>,
    /// The storage class, by the store's name. `None` is the store's default.
    pub storage_class: Option<String>,
    /// The last restore of an archived object.
    pub restore: Option<RestoreStatus>,
    /// The server-side encryption, by the store's name.
    pub encryption: Option<String>,
    /// The key of SSE-KMS.
    pub kms_key_id: Option<String>,
    /// The retention, during which the version cannot be deleted.
    pub retention: Option<Retention>,
    /// True if a legal hold keeps the version from being deleted.
    pub legal_hold: bool,
    /// True if the object has tags, as far as the store tells.
    pub has_tags: bool,
}

/// The retention of an object version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Retention {
    /// The mode of the retention.
    pub mode: RetentionMode,
    /// The time until which the version is kept.
    pub until: SystemTime,
}

/// The mode of a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetentionMode {
    /// The retention can be bypassed with a permission for it.
    Governance,
    /// The retention cannot be bypassed.
    Compliance,
}

/// A version of an object in main, by its `ETag`. A delete removes only this version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeptVersion {
    /// The key of the object.
    pub key: ObjectKey,
    /// The version of the bytes.
    pub etag: ETag,
}

/// The outcome of a delete of one object of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDeleted {
    /// The key of the object.
    pub key: ObjectKey,
    /// The ID of the delete marker that hides the object's versions, or the reason why the object was not deleted.
    /// `None` where main has no versioning: the bytes are gone.
    pub marker: Result<Option<VersionId>, ErrorKind>,
}
