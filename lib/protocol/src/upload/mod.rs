//! Uploads in parts: how large the parts are, when an upload ends, and what its callers hold of it.

mod end;
mod part_size;
mod token;

pub use end::{ends_at, has_ended};
pub use part_size::{MAX_PART_BYTES, MAX_PARTS, MAX_UPLOAD_BYTES, MIN_PART_BYTES, part_size};
pub use token::{Mark, Token};

/// The name of the metadata under which a draft bears the mark of its upload.
pub const MARK: &str = "draftstore-upload";
