//! Restores of archived objects.

use std::time::SystemTime;

use crate::{MainBucket, ObjectKey, VersionId};

/// A request to make an archived object of main readable for some days.
#[derive(Debug, Clone)]
pub struct RestoreArchived<'a> {
    /// The bucket of the object.
    pub bucket: &'a MainBucket,
    /// The key of the object.
    pub key: &'a ObjectKey,
    /// The version to restore. `None` is the current one.
    pub version: Option<&'a VersionId>,
    /// The number of days for which the object stays readable, at least 1.
    pub days: u16,
    /// The speed of the restore. `None` is the store's default.
    pub tier: Option<RestoreTier>,
}

/// The speed of a restore, which decides its price. Every archive class has these two.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RestoreTier {
    /// The usual one, some hours.
    Standard,
    /// The cheapest, up to two days.
    Bulk,
}

/// The last restore of an archived object, as the store reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RestoreStatus {
    /// The restore has not ended yet.
    InProgress,
    /// The object is readable until then.
    Restored(SystemTime),
}
