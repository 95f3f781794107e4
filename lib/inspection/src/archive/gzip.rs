//! A gzip file, and the tar archive that may be in it. It is unpacked to the end, to count it, and not kept.
//!
//! Source: <https://www.rfc-editor.org/rfc/rfc1952>

use bytes::Bytes;

use super::inflate::Inflater;
use super::listing::{self, Kind};
use super::report::Report;
use super::tar::{self, BLOCK};
use super::tar_entries::{Scan, Wants};
use crate::Source;
use crate::window::{Stop, Window, usize_of};

/// The bytes that are read at once.
const PIECE: u64 = 256 * 1024;

/// The length of the checksum and the size at the end of a member.
const TRAILER: usize = 8;

/// The place in a member of a gzip file.
enum Place {
    Header,
    Data(Inflater),
    Trailer,
}

/// Lists a gzip file.
pub(super) async fn list<S: Source>(
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
    depth: u32,
) -> Result<(), Stop<S::Error>> {
    let mut content = Content::new(depth);
    let mut place = Place::Header;
    let mut packed: Vec<u8> = Vec::new();
    let mut read = 0;
    loop {
        let (used, stuck) = match &mut place {
            Place::Header => match header(&packed) {
                Header::Length(length) => {
                    place = Place::Data(Inflater::new());
                    (length, false)
                }
                Header::Cut => (0, true),
                Header::Other => {
                    // Zeros may fill the last block of a tape.
                    if packed.iter().any(|byte| *byte != 0) {
                        report.reject("DATA_AFTER", "Something else is after the archive.");
                    }
                    break;
                }
            },
            Place::Data(inflater) => {
                let Some(step) = inflater.step(&packed) else {
                    report.malformed();
                    return Ok(());
                };
                let (used, stuck) = (step.used, step.used == 0 && step.out.is_empty() && !step.ended);
                let ended = step.ended;
                content.give(step.out, read, report).await;
                if report.is_over() {
                    return Ok(());
                }
                if ended {
                    place = Place::Trailer;
                }
                (used, stuck)
            }
            Place::Trailer if packed.len() < TRAILER => (0, true),
            Place::Trailer => {
                place = Place::Header;
                if packed.len() == TRAILER && read == window.size() {
                    break;
                }
                (TRAILER, false)
            }
        };
        packed.drain(..used);
        if stuck {
            if read == window.size() {
                if !(matches!(place, Place::Header) && packed.is_empty()) {
                    report.truncated();
                }
                break;
            }
            let piece = window.read(read..window.size().min(read + PIECE)).await?;
            read += piece.len() as u64;
            packed.extend_from_slice(&piece);
        }
    }
    content.finish(window.size(), report).await;
    Ok(())
}

enum Header {
    /// The length of a header that is whole.
    Length(usize),
    Cut,
    Other,
}

/// Finds the end of the header of a member.
fn header(bytes: &[u8]) -> Header {
    const FIXED: usize = 10;
    const MAX: usize = 256 * 1024;
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let magic = [0x1f, 0x8b, 8];
    if bytes.iter().zip(magic).any(|(byte, magic)| *byte != magic) || bytes.len() > MAX && !bytes.starts_with(&magic) {
        return Header::Other;
    }
    let Some(flags) = bytes.get(..FIXED).map(|fixed| fixed[3]) else {
        return Header::Cut;
    };
    let mut end = FIXED;
    if flags & EXTRA != 0 {
        end += 2 + usize::from(crate::zip::u16_at(bytes, end));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            match bytes.get(end..).and_then(|rest| memchr::memchr(0, rest)) {
                Some(length) => end += length + 1,
                None if bytes.len() > MAX => return Header::Other,
                None => return Header::Cut,
            }
        }
    }
    if flags & CHECKSUM != 0 {
        end += 2;
    }
    if bytes.len() < end {
        Header::Cut
    } else {
        Header::Length(end)
    }
}

/// The unpacked bytes of a gzip file.
struct Content {
    depth: u32,
    kind: Unpacked,
    /// Bytes that wait until there are enough of them.
    held: Vec<u8>,
    /// Bytes of a tar archive still to be passed over.
    skip: u64,
    total: u64,
}

enum Unpacked {
    /// Not known yet.
    Unknown,
    /// A tar archive.
    Tar(Box<Scan>),
    /// An archive of another kind, which is held.
    Archive,
    /// Anything else.
    File,
}

impl Content {
    fn new(depth: u32) -> Self {
        Self {
            depth,
            kind: Unpacked::Unknown,
            held: Vec::new(),
            skip: 0,
            total: 0,
        }
    }

    /// Processes unpacked bytes, after this number of packed ones.
    async fn give(&mut self, bytes: &[u8], packed: u64, report: &mut Report<'_>) {
        self.total += bytes.len() as u64;
        // The sum must not wait for the end, which a bomb does not reach.
        report.compare(self.total, packed);
        if report.is_over() {
            return;
        }
        let skipped = usize_of(self.skip).min(bytes.len());
        self.skip -= skipped as u64;
        if !matches!(self.kind, Unpacked::File) {
            self.held.extend_from_slice(&bytes[skipped..]);
        }
        if matches!(self.kind, Unpacked::Unknown) && self.held.len() >= BLOCK {
            self.decide(report);
        }
        self.go_on(report).await;
    }

    fn decide(&mut self, report: &mut Report<'_>) {
        self.kind = if tar::is_tar(&self.held) {
            Unpacked::Tar(Box::new(Scan::new(self.depth)))
        } else if matches!(listing::kind(&self.held), Some(Kind::Zip | Kind::Gzip)) && report.may_open(self.depth + 1) {
            Unpacked::Archive
        } else {
            self.held = Vec::new();
            Unpacked::File
        };
    }

    async fn go_on(&mut self, report: &mut Report<'_>) {
        match &mut self.kind {
            Unpacked::Unknown | Unpacked::File => {}
            Unpacked::Archive => {
                if self.held.len() as u64 > super::MAX_NESTED {
                    report.nested_too_large();
                    self.held = Vec::new();
                    self.kind = Unpacked::File;
                }
            }
            Unpacked::Tar(scan) => {
                let mut used = 0;
                loop {
                    let rest = &self.held[used..];
                    match scan.wants() {
                        Wants::Skip(length) => {
                            let there = usize_of(length).min(rest.len());
                            used += there;
                            self.skip = length - there as u64;
                            scan.skipped();
                        }
                        Wants::Block | Wants::Content(_) if self.skip > 0 => break,
                        wants @ (Wants::Block | Wants::Content(_)) => {
                            let length = if let Wants::Content(length) = wants {
                                usize_of(length)
                            } else {
                                BLOCK
                            };
                            let Some(bytes) = rest.get(..length) else {
                                break;
                            };
                            scan.give(Bytes::copy_from_slice(bytes), report).await;
                            used += length;
                        }
                        Wants::Nothing => {
                            used = self.held.len();
                            break;
                        }
                    }
                }
                self.held.drain(..used);
            }
        }
    }

    /// Processes the end of a file of this number of packed bytes.
    async fn finish(mut self, packed: u64, report: &mut Report<'_>) {
        if matches!(self.kind, Unpacked::Unknown) {
            self.decide(report);
        }
        match &self.kind {
            Unpacked::Tar(scan) => {
                let ended = match scan.wants() {
                    Wants::Nothing => true,
                    Wants::Block => self.skip == 0 && self.held.is_empty(),
                    Wants::Content(_) | Wants::Skip(_) => false,
                };
                if !ended {
                    report.truncated();
                }
            }
            Unpacked::Archive => {
                report.count(1);
                let held = std::mem::take(&mut self.held);
                listing::list_inside(held.into(), report, self.depth + 1).await;
            }
            Unpacked::Unknown | Unpacked::File => {
                report.count(1);
                report.add(self.total, packed);
            }
        }
    }
}
