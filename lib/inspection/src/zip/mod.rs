//! The format zip: where an archive ends, and the entries that its directory lists.
//!
//! Source: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

mod directory;
mod end;

pub(crate) use directory::{Entry, Parsed, parse};
pub(crate) use end::{End, Ending, find_end};

/// The signature of a local header, with which an archive begins.
pub(crate) const LOCAL_HEADER: &[u8] = b"PK\x03\x04";

/// The length of a local header without its name.
pub(crate) const LOCAL_HEADER_LENGTH: u64 = 30;

/// The method of an entry that is not compressed.
pub(crate) const STORED: u16 = 0;

/// The method of an entry that is compressed by deflate.
pub(crate) const DEFLATED: u16 = 8;

/// Little-endian numbers of a record that is long enough for them; zero beyond its end.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let field = bytes.get(at..at + 2).and_then(|field| field.try_into().ok());
    field.map_or(0, u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let field = bytes.get(at..at + 4).and_then(|field| field.try_into().ok());
    field.map_or(0, u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let field = bytes.get(at..at + 8).and_then(|field| field.try_into().ok());
    field.map_or(0, u64::from_le_bytes)
}
