//! Multipart uploads: the size of parts, the end of an upload, the token that callers hold, and the completion of uploads whose
//! clients are gone.

mod completion;
mod end;
mod part_size;
mod plan;
#[cfg(test)]
mod tests;
mod token;

pub use completion::{
    Completion, CompletionAnswer, CompletionEffect, CompletionEnd, CompletionError, CompletionStep, FoundDraft,
    may_have_completed,
};
pub use end::{ends_at, has_ended};
pub use part_size::{MAX_PART_BYTES, MAX_PARTS, MAX_UPLOAD_BYTES, MIN_PART_BYTES, part_size};
pub use plan::{PLAN_METADATA, plan_key};
pub use token::{Mark, Token};

/// The metadata name for the mark of a draft's upload.
pub const MARK: &str = "draftstore-upload";
