//! The entries of a tar archive, block by block.
//!
//! Source: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>

use bytes::Bytes;

use super::names::{self, Names};
use super::report::Report;
use super::tar::{BLOCK, has_checksum};
use crate::findings::quoted;
use crate::window::usize_of;

/// The most bytes of a name or of other metadata that has blocks of its own.
const MAX_METADATA: u64 = 1024 * 1024;

/// The bytes that a scan wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// A header.
    Block,
    /// As many bytes of content.
    Content(u64),
    /// As many bytes to be passed over.
    Skip(u64),
    /// Nothing: the archive has ended, or cannot be read any further.
    Nothing,
}

/// A content that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// The name of the next entry, by GNU tar.
    Name,
    /// The target of the next link, by GNU tar.
    Target,
    /// Fields of the next entry, or of all that follow.
    Fields { all: bool },
    /// An archive.
    Archive,
}

/// Fields that replace those of a header.
#[derive(Debug, Clone, Default)]
struct Fields {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// A scan of a tar archive.
#[derive(Debug)]
pub(super) struct Scan {
    depth: u32,
    wants: Wants,
    content: Option<(Content, u64)>,
    names: Names,
    next: Fields,
    all: Fields,
}

impl Scan {
    pub(super) fn new(depth: u32) -> Self {
        Self {
            depth,
            wants: Wants::Block,
            content: None,
            names: Names::default(),
            next: Fields::default(),
            all: Fields::default(),
        }
    }

    pub(super) fn wants(&self) -> Wants {
        self.wants
    }

    /// Goes on after bytes that were passed over.
    pub(super) fn skipped(&mut self) {
        self.wants = Wants::Block;
    }

    /// Takes the bytes that it wants.
    pub(super) async fn give(&mut self, bytes: Bytes, report: &mut Report<'_>) {
        let Some((content, length)) = self.content.take() else {
            self.header(&bytes, report);
            return;
        };
        self.wants = Wants::Block;
        let bytes = bytes.slice(..usize_of(length).min(bytes.len()));
        match content {
            Content::Name => self.next.name = Some(until_zero(&bytes).to_vec()),
            Content::Target => self.next.target = Some(until_zero(&bytes).to_vec()),
            Content::Fields { all } => {
                let fields = if all { &mut self.all } else { &mut self.next };
                if read_fields(&bytes, fields).is_none() {
                    report.malformed();
                }
            }
            Content::Archive => super::listing::list_inside(bytes, report, self.depth + 1).await,
        }
    }

    fn header(&mut self, block: &[u8], report: &mut Report<'_>) {
        if block.iter().all(|byte| *byte == 0) {
            self.wants = Wants::Nothing;
            return;
        }
        let Some(size) = has_checksum(block).then(|| number(&block[124..136])).flatten() else {
            report.malformed();
            self.wants = Wants::Nothing;
            return;
        };
        let metadata = match block[156] {
            b'L' => Some(Content::Name),
            b'K' => Some(Content::Target),
            b'x' | b'X' => Some(Content::Fields { all: false }),
            b'g' => Some(Content::Fields { all: true }),
            _ => None,
        };
        match metadata {
            Some(_) if size > MAX_METADATA => {
                report.malformed();
                self.wants = Wants::Nothing;
            }
            Some(content) => self.want_content(content, size),
            None => self.entry(block, size, report),
        }
    }

    fn entry(&mut self, block: &[u8], size: u64, report: &mut Report<'_>) {
        let fields = std::mem::take(&mut self.next);
        let name = fields
            .name
            .or_else(|| self.all.name.clone())
            .unwrap_or_else(|| name_of(block));
        let target = fields
            .target
            .or_else(|| self.all.target.clone())
            .unwrap_or_else(|| until_zero(&block[157..257]).to_vec());
        let size = fields.size.or(self.all.size).unwrap_or(size);
        let shown = || quoted(&String::from_utf8_lossy(&name));
        report.count(1);
        self.names.check(
            name.strip_suffix(b"/").filter(|name| !name.is_empty()).unwrap_or(&name),
            report,
        );
        let is_file = match block[156] {
            b'1' | b'2' => {
                let out = if block[156] == b'1' {
                    names::is_unsafe(&target)
                } else {
                    names::leads_out(&name, &target)
                };
                if out {
                    report.reject(
                        "LINK",
                        format!("The entry {} is a link that leads out of the archive.", shown()),
                    );
                }
                false
            }
            b'3' | b'4' | b'6' => {
                report.reject("SPECIAL_FILE", format!("The entry {} is a device.", shown()));
                false
            }
            b'5' => false,
            b'S' => {
                report.reject("SPECIAL_FILE", format!("The entry {} is a sparse file.", shown()));
                false
            }
            _ => true,
        };
        // The size of a directory or of a link has no bytes.
        let size = if matches!(block[156], b'1' | b'2' | b'3' | b'4' | b'5' | b'6') {
            0
        } else {
            size
        };
        report.add(size, size);
        if is_file && names::is_closed_archive(&name) {
            report.reject(
                "NESTED_UNREADABLE",
                "An archive inside has a format that cannot be checked.",
            );
        }
        if report.is_over() {
            self.wants = Wants::Nothing;
        } else if is_file && names::is_archive(&name) && report.may_open(self.depth + 1) {
            if size > super::MAX_NESTED {
                report.nested_too_large();
                self.skip(size);
            } else {
                self.want_content(Content::Archive, size);
            }
        } else {
            self.skip(size);
        }
    }

    fn want_content(&mut self, content: Content, size: u64) {
        self.content = Some((content, size));
        self.wants = Wants::Content(in_blocks(size));
    }

    fn skip(&mut self, size: u64) {
        self.wants = if size == 0 {
            Wants::Block
        } else {
            Wants::Skip(in_blocks(size))
        };
    }
}

fn in_blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64)
}

/// Returns the name of a header, with the prefix that POSIX has.
fn name_of(block: &[u8]) -> Vec<u8> {
    let name = until_zero(&block[..100]);
    let prefix = until_zero(&block[345..500]);
    if block[257..].starts_with(b"ustar\0") && !prefix.is_empty() {
        [prefix, b"/", name].concat()
    } else {
        name.to_vec()
    }
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Reads a number of a header: in octal, or binary if its first bit is set. `None` if it is neither.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = field.split_first() {
        let (high, low) = rest.split_at(rest.len().checked_sub(8)?);
        let low = u64::from_be_bytes(low.try_into().ok()?);
        return high.iter().all(|byte| *byte == 0).then_some(low);
    }
    let text = std::str::from_utf8(until_zero(field)).ok()?.trim();
    if text.is_empty() {
        return Some(0);
    }
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| u64::from_str_radix(text, 8).ok())
        .flatten()
}

/// Reads the fields of a pax header. `None` if they are damaged.
fn read_fields(mut bytes: &[u8], fields: &mut Fields) -> Option<()> {
    while !bytes.is_empty() && bytes[0] != 0 {
        let space = memchr::memchr(b' ', bytes)?;
        let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
        let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = memchr::memchr(b'=', record)?;
        let (name, value) = (&record[..equals], &record[equals + 1..]);
        match name {
            b"path" | b"GNU.sparse.name" => fields.name = Some(value.to_vec()),
            b"linkpath" => fields.target = Some(value.to_vec()),
            b"size" => fields.size = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
            _ => {}
        }
        bytes = &bytes[length..];
    }
    Some(())
}
