//! Multipart uploads: the size of parts, the end of an upload, and the token that callers hold.

mod end;
mod part_size;
mod token;

pub use end::{ends_at, has_ended};
pub use part_size::{MAX_PART_BYTES, MAX_PARTS, MAX_UPLOAD_BYTES, MIN_PART_BYTES, part_size};
pub use token::{Mark, Token};

/// The metadata name for the mark of a draft's upload.
pub const MARK: &str = "draftstore-upload";
