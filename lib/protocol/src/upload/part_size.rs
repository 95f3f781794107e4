//! The size of the parts of an upload.

/// The minimum size of a part in bytes, except for the last part.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MIN_PART_BYTES: u64 = 5 * MIB;

/// The maximum size in bytes of a part.
pub const MAX_PART_BYTES: u64 = 5 * 1024 * MIB;

/// The maximum number of parts of an upload.
pub const MAX_PARTS: u16 = 10_000;

/// The maximum size of an object in bytes: S3's 50 TB.
pub const MAX_UPLOAD_BYTES: u64 = MAX_PART_BYTES * MAX_PARTS as u64;

const MIB: u64 = 1024 * 1024;

/// The smallest part size that is chosen, in bytes. On a slow line, a part that was lost with its connection is sent
/// again in seconds.
const SMALLEST_CHOSEN: u64 = 8 * MIB;

/// The largest part size that is chosen, in bytes, unless a larger one is needed. Clients hold several parts in memory.
const LARGEST_CHOSEN: u64 = 64 * MIB;

/// The number of parts to aim at. One call signs that many parts, and one page lists them.
const PARTS_AIMED_AT: u64 = 1_000;

/// The part size in bytes if the size of the object is not known. The maximum number of parts then has 156 GiB.
const OF_UNKNOWN: u64 = 16 * MIB;

/// Returns the size in bytes of every part but the last. More than [`MAX_UPLOAD_BYTES`] does not fit into parts of any
/// size.
pub fn part_size(content_length: Option<u64>) -> u64 {
    let Some(bytes) = content_length else {
        return OF_UNKNOWN;
    };
    let aimed_at = whole_mib(bytes.div_ceil(PARTS_AIMED_AT)).clamp(SMALLEST_CHOSEN, LARGEST_CHOSEN);
    if bytes.div_ceil(aimed_at) <= u64::from(MAX_PARTS) {
        return aimed_at;
    }
    whole_mib(bytes.div_ceil(u64::from(MAX_PARTS))).min(MAX_PART_BYTES)
}

/// Returns the number of parts of an object, or `None` if it exceeds [`MAX_PARTS`]. An empty object has one part too,
/// since an upload without parts cannot be completed.
pub(super) fn part_count(content_length: u64, part_size: u64) -> Option<u16> {
    let count = (part_size > 0).then(|| content_length.div_ceil(part_size).max(1))?;
    u16::try_from(count).ok().filter(|count| *count <= MAX_PARTS)
}

fn whole_mib(bytes: u64) -> u64 {
    bytes.div_ceil(MIB) * MIB
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * MIB;
    const TIB: u64 = 1024 * GIB;

    #[test]
    fn part_size_grows_with_the_object() {
        for (bytes, part_mib, parts) in [
            (0, 8, 1),
            (1, 8, 1),
            (8 * MIB, 8, 1),
            (8 * MIB + 1, 8, 2),
            (60 * MIB, 8, 8),
            (5 * GIB, 8, 640),
            (8_000 * MIB, 8, 1_000),
            (8_000 * MIB + 1, 9, 889),
            (64_000 * MIB, 64, 1_000),
            (100 * GIB, 64, 1_600),
            (640_000 * MIB, 64, 10_000),
            (640_000 * MIB + 1, 65, 9_847),
            (TIB, 105, 9_987),
            (MAX_UPLOAD_BYTES, 5 * 1024, 10_000),
        ] {
            let size = part_size(Some(bytes));
            assert_eq!(
                (size, part_count(bytes, size)),
                (part_mib * MIB, Some(parts)),
                "{bytes}"
            );
        }
        assert_eq!(part_size(None), 16 * MIB);
    }

    #[test]
    fn every_size_has_a_valid_part_size() {
        let mut bytes = 1;
        while bytes <= MAX_UPLOAD_BYTES {
            for bytes in [bytes - 1, bytes, bytes + 1] {
                let size = part_size(Some(bytes));
                let count = part_count(bytes, size).expect("it fits");
                assert!(
                    (MIN_PART_BYTES..=MAX_PART_BYTES).contains(&size) && size.is_multiple_of(MIB),
                    "{bytes}"
                );
                assert!(u64::from(count) * size >= bytes, "{bytes}");
                assert!(bytes == 0 || (u64::from(count) - 1) * size < bytes, "{bytes}");
            }
            bytes = bytes * 3 / 2 + 1;
        }
    }

    #[test]
    fn count_of_too_many_parts_is_none() {
        assert_eq!(part_count(MAX_UPLOAD_BYTES, MAX_PART_BYTES), Some(MAX_PARTS));
        assert_eq!(part_count(MAX_UPLOAD_BYTES + 1, MAX_PART_BYTES), None);
        assert_eq!(part_count(u64::MAX, 1), None);
        assert_eq!(part_count(1, 0), None);
    }
}
