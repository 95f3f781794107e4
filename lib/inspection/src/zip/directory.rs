//! The directory of a zip archive.

use super::{u16_at, u32_at, u64_at};

const SIGNATURE: &[u8] = b"PK\x01\x02";
const LENGTH: usize = 46;
const ZIP64_EXTRA: u16 = 0x0001;
const UNICODE_PATH_EXTRA: u16 = 0x7075;

/// A flag of entries that are encrypted.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;

/// The method that stands for another one, which encryption by AES hides.
const AES: u16 = 99;

/// An entry as the directory describes it.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    /// A second name, which some readers prefer.
    pub(crate) unicode_name: Option<&'a [u8]>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) packed: u64,
    pub(crate) unpacked: u64,
    /// The place of the local header, counted from the beginning of the archive.
    pub(crate) offset: u64,
    external_attributes: u32,
}

impl Entry<'_> {
    pub(crate) fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0 || self.method == AES
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }

    /// The kind of file, as Unix has it in a mode.
    pub(crate) fn unix_kind(&self) -> u32 {
        (self.external_attributes >> 16) & 0o170_000
    }
}

/// The beginning of a directory, parsed.
#[derive(Debug)]
pub(crate) enum Parsed<'a> {
    /// An entry, and its length.
    Entry(Entry<'a>, usize),
    /// An entry that continues after the bytes.
    Cut,
    /// Bytes that are no entry.
    Malformed,
}

/// Parses the first entry of a directory.
pub(crate) fn parse(directory: &[u8]) -> Parsed<'_> {
    let Some(record) = directory.get(..LENGTH) else {
        return Parsed::Cut;
    };
    if !record.starts_with(SIGNATURE) {
        return Parsed::Malformed;
    }
    let name_end = LENGTH + usize::from(u16_at(record, 28));
    let extra_end = name_end + usize::from(u16_at(record, 30));
    let end = extra_end + usize::from(u16_at(record, 32));
    if directory.len() < end {
        return Parsed::Cut;
    }
    let mut entry = Entry {
        name: &directory[LENGTH..name_end],
        unicode_name: None,
        flags: u16_at(record, 8),
        method: u16_at(record, 10),
        packed: u64::from(u32_at(record, 20)),
        unpacked: u64::from(u32_at(record, 24)),
        offset: u64::from(u32_at(record, 42)),
        external_attributes: u32_at(record, 38),
    };
    if read_extra(&directory[name_end..extra_end], &mut entry).is_none() {
        return Parsed::Malformed;
    }
    Parsed::Entry(entry, end)
}

/// Reads the fields that replace others. `None` if one that must be there is not.
fn read_extra<'a>(mut extra: &'a [u8], entry: &mut Entry<'a>) -> Option<()> {
    const IN_EXTRA: u64 = 0xffff_ffff;
    let mut seen = false;
    while extra.len() >= 4 {
        let end = 4 + usize::from(u16_at(extra, 2));
        let data = extra.get(4..end)?;
        match u16_at(extra, 0) {
            ZIP64_EXTRA if !seen => {
                seen = true;
                let fields = [&mut entry.unpacked, &mut entry.packed, &mut entry.offset];
                let replaced = fields.into_iter().filter(|field| **field == IN_EXTRA);
                for (place, field) in replaced.enumerate() {
                    data.get(8 * place..8 * place + 8)?;
                    *field = u64_at(data, 8 * place);
                }
            }
            UNICODE_PATH_EXTRA => entry.unicode_name = data.get(5..),
            _ => {}
        }
        extra = &extra[end..];
    }
    Some(())
}
