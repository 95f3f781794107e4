//! The properties of a file that Uppy sends: its media type and its sizes.

use draftstore_service::limits::{MAX_PARTS, MIN_PART_BYTES};

use crate::api::size;
use crate::errors::Failure;

/// The metadata field for the size of the file, in bytes.
const CONTENT_LENGTH: &str = "content_length";

/// The metadata field for the part size of a page that sets `getChunkSize`, in bytes.
const PART_SIZE: &str = "part_size";

/// The sizes of a file. Uppy itself does not send them, so a page adds them to the metadata of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FileSizes {
    pub(super) content_length: Option<i64>,
    chosen_part_size: Option<i64>,
}

impl FileSizes {
    /// Separates the sizes from the other metadata.
    pub(super) fn take(metadata: &mut Vec<(String, String)>) -> Result<Self, Failure> {
        let mut take = |wanted: &str| {
            let place = metadata.iter().position(|(name, _)| name == wanted);
            let bytes = place.map(|place| metadata.swap_remove(place).1.parse()).transpose();
            bytes.map_err(|_| Failure::invalid(wanted, "must be a whole number of bytes"))
        };
        Ok(Self {
            content_length: take(CONTENT_LENGTH)?,
            chosen_part_size: take(PART_SIZE)?,
        })
    }

    /// Returns the part size: the one that the page chose, or Uppy's own if the size of the file is known.
    pub(super) fn part_size(self) -> Option<i64> {
        let default = |bytes: i64| {
            let bytes = bytes.unsigned_abs().div_ceil(MAX_PARTS.into());
            size(bytes.max(MIN_PART_BYTES))
        };
        self.chosen_part_size.or(self.content_length.map(default))
    }
}

/// Returns the media type, not validated, or `None` for the texts that stand for no value in JavaScript.
pub(super) fn content_type(text: &str) -> Option<String> {
    let is_none = matches!(text, "" | "null" | "undefined");
    (!is_none).then(|| text.to_owned())
}
