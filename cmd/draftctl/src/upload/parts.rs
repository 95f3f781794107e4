//! The parts of a file, and the parts of an upload that have been stored.

use std::collections::BTreeMap;

use draftstore_proto::v1::UploadedPart;

use crate::error::CommandError;

/// A multipart upload in progress.
#[derive(Debug, Clone)]
pub(super) struct StartedUpload {
    pub(super) upload_id: String,
    pub(super) draft_id: Option<String>,
    pub(super) part_size: u64,
    /// The parts that arrived before this run, by part number.
    pub(super) arrived: BTreeMap<i32, UploadedPart>,
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartRange {
    /// The part number, starting at 1.
    pub(super) number: i32,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl PartRange {
    /// Returns the part that covers a file of one part.
    pub(super) fn whole(size: u64) -> Self {
        Self {
            number: 1,
            offset: 0,
            len: size,
        }
    }
}

/// Returns the parts of a file in order, none for an empty file. The part size must be at least 1.
pub(super) fn parts(size: u64, part_size: u64) -> impl Iterator<Item = PartRange> {
    let mut number = 0;
    let mut offset = 0;
    std::iter::from_fn(move || {
        let len = part_size.min(size - offset);
        if len == 0 {
            return None;
        }
        number += 1;
        let part = PartRange { number, offset, len };
        offset += len;
        Some(part)
    })
}

/// # Errors
/// Returns an error if the size is not positive.
pub(super) fn part_size(returned: i64) -> Result<u64, CommandError> {
    let size = u64::try_from(returned).ok().filter(|size| *size > 0);
    size.ok_or_else(|| {
        CommandError::unexpected_response(format!("the server returned an invalid part size: {returned}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_file_and_only_the_last_is_smaller() {
        let cut = |size, part_size| -> Vec<_> {
            let parts = parts(size, part_size);
            parts.map(|part| (part.number, part.offset, part.len)).collect()
        };
        assert_eq!(cut(25, 10), [(1, 0, 10), (2, 10, 10), (3, 20, 5)]);
        assert_eq!(cut(20, 10), [(1, 0, 10), (2, 10, 10)]);
        assert_eq!(cut(1, 10), [(1, 0, 1)]);
        assert_eq!(cut(0, 10), []);
    }
}
