//! The calls on confirmed objects: describe, delete, and list, restore and delete versions.

mod delete;
mod describe;
pub(super) mod origin;
mod restore;
mod versions;

pub use delete::{DeleteObject, ObjectDeleted};
pub use describe::{DescribeObject, ObjectDescribed};
pub use restore::{RestoreVersion, VersionRestored};
pub use versions::{DeleteVersion, ListVersions, VersionListed, VersionsPage};
