//! The end of a zip archive, by which readers find everything else.

use std::ops::Range;

use super::{u16_at, u32_at, u64_at};

const SIGNATURE: &[u8] = b"PK\x05\x06";
const LENGTH: usize = 22;
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";
const ZIP64_LOCATOR_LENGTH: usize = 20;
const ZIP64_END: &[u8] = b"PK\x06\x06";
const ZIP64_END_LENGTH: usize = 56;
const DIRECTORY_HEADER: &[u8] = b"PK\x01\x02";

/// The end of an archive, and the places that it names, in bytes of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The place of the directory.
    pub(crate) directory: Range<u64>,
    /// The number of entries.
    pub(crate) entries: u64,
    /// The number of bytes before the archive.
    pub(crate) before: u64,
    /// The number of bytes after the archive.
    pub(crate) after: u64,
}

/// The ends of zip archives in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// None.
    None,
    /// One, in which the file ends or after which other bytes follow.
    One(End),
    /// Several, so that readers see different archives.
    Several,
}

/// Finds the end of an archive in the last bytes of a file, whose first byte is at `start`.
pub(crate) fn find_end(tail: &[u8], start: u64) -> Ending {
    let ends: Vec<(u64, End)> = memchr::memmem::find_iter(tail, SIGNATURE)
        .filter_map(|at| Some((start + at as u64, read(tail, start, at)?)))
        .collect();
    let last = ends.iter().rev().find(|(_, end)| end.after == 0);
    let Some((at, end)) = last.or(ends.last()) else {
        return Ending::None;
    };
    // The end of an archive inside lies before the directory, and other bytes follow it. One in the comment, or with a
    // comment that reaches to the end of the file, is that of another archive.
    let others = ends
        .iter()
        .any(|(other, found)| other != at && (*other >= end.directory.end || found.after == 0));
    if others {
        Ending::Several
    } else {
        Ending::One(end.clone())
    }
}

/// Reads the end at a place of the tail. `None` if it names a directory that is not there.
fn read(tail: &[u8], start: u64, at: usize) -> Option<End> {
    let record = tail.get(at..at + LENGTH)?;
    let comment = usize::from(u16_at(record, 20));
    let after = tail.len().checked_sub(at + LENGTH + comment)? as u64;
    let disks = [u16_at(record, 4), u16_at(record, 6)];
    if disks.iter().any(|disk| !matches!(disk, 0 | 0xffff)) {
        return None;
    }
    let mut entries = u64::from(u16_at(record, 10));
    let mut length = u64::from(u32_at(record, 12));
    let mut offset = u64::from(u32_at(record, 16));
    let mut directory_end = at;
    if let Some(locator) = at.checked_sub(ZIP64_LOCATOR_LENGTH)
        && tail[locator..].starts_with(ZIP64_LOCATOR)
    {
        let zip64 = zip64_end(tail, start, locator)?;
        let record = &tail[zip64..];
        (entries, length, offset) = (u64_at(record, 32), u64_at(record, 40), u64_at(record, 48));
        directory_end = zip64;
    }
    let end = start + directory_end as u64;
    let directory = end.checked_sub(length)?..end;
    let before = directory.start.checked_sub(offset)?;
    let header = directory
        .start
        .checked_sub(start)
        .and_then(|at| tail.get(usize::try_from(at).ok()?..));
    let there = entries == 0 || header.is_none_or(|header| header.starts_with(DIRECTORY_HEADER));
    (there && length / 46 >= entries).then_some(End {
        directory,
        entries,
        before,
        after,
    })
}

/// Returns the place in the tail of the zip64 end that a locator names.
fn zip64_end(tail: &[u8], start: u64, locator: usize) -> Option<usize> {
    let named = u64_at(&tail[locator..], 8)
        .checked_sub(start)
        .and_then(|at| usize::try_from(at).ok());
    let usual = locator.checked_sub(ZIP64_END_LENGTH);
    [usual, named]
        .into_iter()
        .flatten()
        .find(|at| at + ZIP64_END_LENGTH <= locator && tail[*at..].starts_with(ZIP64_END))
}
