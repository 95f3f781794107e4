//! The calls on confirmed objects: describe, delete, copy, move and update, restore from an archive, and
//! list, restore and delete versions.

mod archive;
mod delete;
mod describe;
pub(super) mod origin;
mod replaced;
mod restore;
mod transfer;
mod versions;

pub use archive::{ArchiveState, RestoreObject};
pub use delete::{DeleteObject, ObjectDeleted};
pub use describe::{DescribeObject, ObjectDescribed};
pub(super) use replaced::StoredVersion;
pub use restore::{RestoreVersion, VersionRestored};
pub(crate) use transfer::options_of;
pub use transfer::{CopyObject, ObjectTransferred, UpdateObject};
pub use versions::{DeleteVersion, ListVersions, VersionListed, VersionsPage};
