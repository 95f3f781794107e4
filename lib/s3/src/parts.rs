//! The division of an object into parts.
//!
//! Source of the limits: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>

use std::ops::Range;

/// The minimum size of every part but the last, in bytes.
const MIN_PART: u64 = 5 * 1024 * 1024;

/// The maximum size of a part, in bytes.
const MAX_PART: u64 = 5 * 1024 * 1024 * 1024;

/// The maximum number of parts of an object.
const MAX_PARTS: u16 = 10_000;

/// One part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The part number, from 1.
    pub(crate) number: u16,
    /// The range of its bytes in the object.
    pub(crate) bytes: Range<u64>,
}

/// Returns the parts of an object of `size` bytes. All but the last have one size, which some stores require: `part_size`, or
/// the nearest size within the limits. Returns `None` if the object is too large.
pub(crate) fn parts(size: u64, part_size: u64) -> Option<impl Iterator<Item = Part>> {
    let part_size = part_size
        .clamp(MIN_PART, MAX_PART)
        .max(size.div_ceil(u64::from(MAX_PARTS)));
    let part = move |number: u16| {
        let start = u64::from(number - 1) * part_size;
        Part {
            number,
            bytes: start..size.min(start + part_size),
        }
    };
    // An empty object has one part, too: an upload without any cannot be completed.
    let count = u16::try_from(size.div_ceil(part_size).max(1)).ok()?;
    (part_size <= MAX_PART).then(|| (1..=count).map(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;
    const GIB: u64 = 1024 * MIB;
    const TB: u64 = 1_000_000_000_000;

    fn cut(size: u64, part_size: u64) -> Vec<Part> {
        parts(size, part_size).expect("not too large").collect()
    }

    #[test]
    fn parts_are_numbered_from_one_and_the_last_is_what_is_left() {
        let part = |number, bytes| Part { number, bytes };
        assert_eq!(
            cut(11 * MIB, 5 * MIB),
            [
                part(1, 0..5 * MIB),
                part(2, 5 * MIB..10 * MIB),
                part(3, 10 * MIB..11 * MIB)
            ]
        );
        assert_eq!(cut(5 * MIB, 5 * MIB), [part(1, 0..5 * MIB)]);
        assert_eq!(cut(1, 5 * MIB), [part(1, 0..1)]);
        assert_eq!(cut(0, 5 * MIB), [part(1, 0..0)]);
    }

    #[test]
    fn every_size_up_to_50_tb_is_covered_within_the_limits() {
        let sizes = [
            1,
            5 * GIB,
            5 * GIB + 1,
            6 * GIB,
            5 * TB - 1,
            5 * TB,
            512 * MIB * 10_000,
            512 * MIB * 10_000 + 1,
            50 * TB - 1,
            50 * TB,
        ];
        for size in sizes {
            for part_size in [0, 5 * MIB, 512 * MIB, 5 * GIB, u64::MAX] {
                let parts = cut(size, part_size);
                assert!(parts.len() <= 10_000, "{size} in {part_size}");
                let mut end = 0;
                for (place, Part { number, bytes }) in parts.iter().enumerate() {
                    assert_eq!((usize::from(*number), bytes.start), (place + 1, end));
                    let len = bytes.end - bytes.start;
                    assert!(
                        len <= MAX_PART && (len >= MIN_PART || place + 1 == parts.len()),
                        "{len}"
                    );
                    assert!(len <= parts[0].bytes.end, "all but the last are of one size");
                    end = bytes.end;
                }
                assert_eq!(end, size, "in {part_size}");
            }
        }
    }

    #[test]
    fn the_size_asked_for_is_kept_where_ten_thousand_parts_do() {
        assert_eq!(cut(6 * GIB, 512 * MIB).len(), 12);
        assert_eq!(cut(512 * MIB * 10_000, 512 * MIB).len(), 10_000);
        assert!(cut(512 * MIB * 10_000 + 1, 512 * MIB)[0].bytes.end > 512 * MIB);
    }

    #[test]
    fn what_ten_thousand_parts_cannot_hold_is_too_large() {
        assert!(parts(MAX_PART * 10_000, 0).is_some());
        assert!(parts(MAX_PART * 10_000 + 1, 0).is_none());
        assert!(parts(u64::MAX, 0).is_none());
    }
}
