//! The directory of a zip archive, read in pieces.

use super::report::Report;
use super::zip_entries::{Entries, Open};
use crate::Source;
use crate::media_type::Ends;
use crate::window::{Stop, Window};
use crate::zip::{self, End, Ending, Parsed};

/// The bytes of a directory that are read at once: a hundred thousand entries take one or two.
const PIECE: u64 = 8 * 1024 * 1024;

/// Lists a zip archive.
pub(super) async fn list<S: Source + Send>(
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
    depth: u32,
) -> Result<(), Stop<S::Error>>
where
    S::Error: Send,
{
    let ends = Ends::read(window).await?;
    let end = match ends.zip {
        Ending::One(end) => end,
        Ending::None => {
            report.truncated();
            return Ok(());
        }
        Ending::Several => {
            report.reject(
                "AMBIGUOUS",
                "The archive has two directories, so that programs see different entries.",
            );
            return Ok(());
        }
    };
    if end.before > 0 {
        report.reject("DATA_BEFORE", "Something else is before the archive.");
    }
    if end.after > 0 {
        report.reject("DATA_AFTER", "Something else is after the archive.");
    }
    report.count(end.entries);
    if report.is_over() {
        return Ok(());
    }
    let Some(entries) = read(window, report, &end).await? else {
        return Ok(());
    };
    entries.finish(report, &end);
    for open in entries.into_open(window.size(), &end) {
        if report.is_over() {
            return Ok(());
        }
        open_entry(window, report, &open, &end, depth).await?;
    }
    Ok(())
}

/// Reads the entries. `None` if the directory is damaged.
async fn read<S: Source>(
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
    end: &End,
) -> Result<Option<Entries>, Stop<S::Error>> {
    let mut entries = Entries::default();
    let mut left = Vec::new();
    let mut place = end.directory.start;
    let mut count = 0;
    while place < end.directory.end {
        let piece = window.read_kept(place..end.directory.end.min(place + PIECE)).await?;
        place += piece.len() as u64;
        let joined;
        let mut rest: &[u8] = if left.is_empty() {
            &piece
        } else {
            joined = [&left[..], &piece].concat();
            &joined
        };
        while count < end.entries {
            match zip::parse(rest) {
                Parsed::Entry(entry, length) => {
                    entries.add(&entry, report);
                    rest = &rest[length..];
                    count += 1;
                }
                Parsed::Cut => break,
                Parsed::Malformed => {
                    report.malformed();
                    return Ok(None);
                }
            }
        }
        left = rest.to_vec();
        if count == end.entries {
            break;
        }
    }
    // A signature of the directory may follow the entries, and nothing else.
    let signed = left.starts_with(b"PK\x05\x05") && left.len() < 256;
    if count < end.entries || place < end.directory.end || !(left.is_empty() || signed) {
        report.malformed();
        return Ok(None);
    }
    Ok(Some(entries))
}

/// Reads an entry, compares it with the directory, and lists it if it is an archive.
async fn open_entry<S: Source>(
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
    open: &Open,
    end: &End,
    depth: u32,
) -> Result<(), Stop<S::Error>> {
    if open.archive && !report.may_open(depth + 1) {
        return Ok(());
    }
    let start = end.before.saturating_add(open.offset);
    let header_end = start.saturating_add(zip::LOCAL_HEADER_LENGTH);
    if header_end > end.directory.start {
        report.malformed();
        return Ok(());
    }
    let header = window.get(start..header_end).await?;
    let name_end = header_end + u64::from(zip::u16_at(&header, 26));
    let data = name_end + u64::from(zip::u16_at(&header, 28));
    if !header.starts_with(zip::LOCAL_HEADER) || data.saturating_add(open.packed) > end.directory.start {
        report.malformed();
        return Ok(());
    }
    let name = window.get(header_end..name_end).await?;
    if name != open.name || zip::u16_at(&header, 8) != open.method {
        report.reject("NAMES_DIFFER", "The archive says of an entry two different things.");
        return Ok(());
    }
    if open.packed > super::MAX_NESTED || open.unpacked > super::MAX_NESTED {
        if open.archive {
            report.nested_too_large();
        }
        return Ok(());
    }
    let packed = window.read_kept(data..data + open.packed).await?;
    let unpacked = match open.method {
        zip::STORED => Some(packed),
        zip::DEFLATED => super::inflate::unpack(&packed, open.unpacked).map(Into::into),
        _ => {
            if open.archive {
                report.reject(
                    "NESTED_UNREADABLE",
                    "An archive inside is compressed in a way that cannot be checked.",
                );
            }
            return Ok(());
        }
    };
    match unpacked {
        Some(unpacked) if unpacked.len() as u64 == open.unpacked => {
            super::listing::list_inside(unpacked, report, depth + 1).await;
        }
        _ => report.reject(
            "SIZE_DIFFERS",
            "An entry is damaged, or has another size than the archive says.",
        ),
    }
    Ok(())
}
