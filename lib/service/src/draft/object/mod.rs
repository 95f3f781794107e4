//! The calls on confirmed objects: describe and delete.

mod delete;
mod describe;
pub(super) mod origin;

pub use delete::{DeleteObject, ObjectDeleted};
pub use describe::ObjectDescribed;
