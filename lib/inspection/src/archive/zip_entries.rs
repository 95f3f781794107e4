//! The entries of a zip archive, as its directory lists them.

use super::names::{self, Names};
use super::report::Report;
use crate::findings::quoted;
use crate::zip::{End, Entry, LOCAL_HEADER_LENGTH};

/// The largest archive of which every entry is read. Of a larger one only the archives inside are, by their names.
const MAX_READ_WHOLE: u64 = 1024 * 1024;

/// The most bytes that the entries of such an archive may unpack to, to be read.
const MAX_UNPACKED_WHOLE: u64 = 32 * 1024 * 1024;

/// The entries so far.
#[derive(Debug, Default)]
pub(super) struct Entries {
    names: Names,
    /// The least place of each entry: its local header may be longer.
    places: Vec<(u64, u64)>,
    /// The entries that are archives by their names.
    archives: Vec<Open>,
    /// The first entries of other names, for an archive that is small enough to be read whole.
    others: Vec<Open>,
    packed: u64,
    unpacked: u64,
}

/// An entry to be read.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) name: Vec<u8>,
    pub(super) method: u16,
    pub(super) offset: u64,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    /// `true` for an archive by its name.
    pub(super) archive: bool,
}

impl Entries {
    /// Adds an entry.
    pub(super) fn add(&mut self, entry: &Entry<'_>, report: &mut Report<'_>) {
        const LINK: u32 = 0o120_000;
        const DEVICES: [u32; 4] = [0o010_000, 0o020_000, 0o060_000, 0o140_000];
        self.names.check(entry.name, report);
        if let Some(other) = entry.unicode_name
            && other != entry.name
            && names::is_unsafe(other)
        {
            report.reject("UNSAFE_NAME", "An entry has a second name, which leads elsewhere.");
        }
        let shown = || quoted(&String::from_utf8_lossy(entry.name));
        if entry.unix_kind() == LINK {
            report.reject("LINK", format!("The entry {} is a link.", shown()));
        }
        if DEVICES.contains(&entry.unix_kind()) {
            report.reject("SPECIAL_FILE", format!("The entry {} is a device.", shown()));
        }
        if entry.is_encrypted() && !report.check.allow_encrypted {
            report.reject("ENCRYPTED", format!("The entry {} is encrypted.", shown()));
        }
        report.add(entry.unpacked, entry.packed);
        self.packed = self.packed.saturating_add(entry.packed);
        self.unpacked = self.unpacked.saturating_add(entry.unpacked);
        let length = LOCAL_HEADER_LENGTH + entry.name.len() as u64;
        let end = entry.offset.saturating_add(length).saturating_add(entry.packed);
        self.places.push((entry.offset, end));
        self.keep_into_open(entry, report);
    }

    fn keep_into_open(&mut self, entry: &Entry<'_>, report: &mut Report<'_>) {
        if entry.is_directory() || entry.is_encrypted() {
            return;
        }
        if names::is_closed_archive(entry.name) {
            report.reject(
                "NESTED_UNREADABLE",
                "An archive inside has a format that cannot be checked.",
            );
        }
        let archive = names::is_archive(entry.name);
        if !archive && self.packed > MAX_READ_WHOLE {
            self.others.clear();
            return;
        }
        let open = Open {
            name: entry.name.to_vec(),
            method: entry.method,
            offset: entry.offset,
            packed: entry.packed,
            unpacked: entry.unpacked,
            archive,
        };
        if archive {
            self.archives.push(open);
        } else {
            self.others.push(open);
        }
    }

    /// Rejects entries that share bytes, or that lie outside of the archive.
    pub(super) fn finish(&self, report: &mut Report<'_>, end: &End) {
        let mut places = self.places.clone();
        places.sort_unstable();
        if places.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            report.reject("OVERLAP", "Entries of the archive share bytes.");
        }
        let last = places.iter().map(|(_, end)| *end).max().unwrap_or(0);
        if end.before.saturating_add(last) > end.directory.start {
            report.truncated();
        }
    }

    /// Returns the entries to be read: all of a small archive, else the archives.
    pub(super) fn into_open(self, size: u64, end: &End) -> Vec<Open> {
        let small = size <= MAX_READ_WHOLE && end.entries > 0 && self.unpacked <= MAX_UNPACKED_WHOLE;
        let mut open = self.archives;
        if small {
            open.extend(self.others);
        }
        open
    }
}
