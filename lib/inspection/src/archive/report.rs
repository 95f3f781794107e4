//! The sums of an archive with all archives inside, and the reasons to reject it.

use crate::{ArchiveCheck, Check, Findings};

/// Entries of fewer bytes may have any ratio.
const MIN_RATIO_BYTES: u64 = 1024 * 1024;

/// The sums so far, and where reasons go.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) check: &'a ArchiveCheck,
    findings: &'a mut Findings,
    entries: u64,
    unpacked: u64,
}

impl<'a> Report<'a> {
    pub(super) fn new(check: &'a ArchiveCheck, findings: &'a mut Findings) -> Self {
        Self {
            check,
            findings,
            entries: 0,
            unpacked: 0,
        }
    }

    /// Adds a reason. Of each rule the first one counts: an archive may break it a hundred thousand times.
    pub(super) fn reject(&mut self, code: &'static str, detail: impl Into<String>) {
        if !self.has(code) {
            self.findings.reject(Check::Archive, code, detail);
        }
    }

    fn has(&self, code: &str) -> bool {
        let same = |reason: &crate::Reason| reason.check == Check::Archive && reason.code == code;
        self.findings.reasons.iter().any(same)
    }

    /// Counts entries, before they are read.
    pub(super) fn count(&mut self, entries: u64) {
        self.entries = self.entries.saturating_add(entries);
        if self.entries > u64::from(self.check.max_entries) {
            let detail = format!("The archive has more than {} entries.", self.check.max_entries);
            self.reject("TOO_MANY_ENTRIES", detail);
        }
    }

    /// Counts the size of an entry.
    pub(super) fn add(&mut self, unpacked: u64, packed: u64) {
        self.compare(unpacked, packed);
        self.unpacked = self.unpacked.saturating_add(unpacked);
    }

    /// Compares the size of an entry with the limits, and does not count it.
    pub(super) fn compare(&mut self, unpacked: u64, packed: u64) {
        if self.unpacked.saturating_add(unpacked) > self.check.max_unpacked_bytes {
            let detail = format!(
                "The archive unpacks to more than {} bytes.",
                self.check.max_unpacked_bytes
            );
            self.reject("UNPACKED_TOO_LARGE", detail);
        }
        if unpacked >= MIN_RATIO_BYTES && unpacked / packed.max(1) >= u64::from(self.check.max_ratio) {
            let detail = format!("An entry unpacks to {} times its size or more.", self.check.max_ratio);
            self.reject("RATIO_TOO_HIGH", detail);
        }
    }

    /// Tells whether a limit is exceeded, after which there is no use in reading on.
    pub(super) fn is_over(&self) -> bool {
        ["TOO_MANY_ENTRIES", "UNPACKED_TOO_LARGE", "RATIO_TOO_HIGH"]
            .iter()
            .any(|code| self.has(code))
    }

    /// Tells whether an archive at a depth may be opened, where the file itself has depth one.
    pub(super) fn may_open(&mut self, depth: u32) -> bool {
        let max = self.check.max_depth.min(ArchiveCheck::MAX_DEPTH);
        if depth > max {
            self.reject("NESTED_TOO_DEEP", format!("Archives are nested more than {max} deep."));
        }
        depth <= max && !self.is_over()
    }

    /// Rejects an archive that ends too early.
    pub(super) fn truncated(&mut self) {
        self.reject("TRUNCATED", "The archive is not complete.");
    }

    /// Rejects an archive whose structure is wrong.
    pub(super) fn malformed(&mut self) {
        self.reject(
            "MALFORMED",
            "The archive is damaged, or made so that programs read it differently.",
        );
    }

    /// Rejects an archive inside that is too large to be opened.
    pub(super) fn nested_too_large(&mut self) {
        let detail = format!("An archive inside has more than {} bytes.", super::MAX_NESTED);
        self.reject("NESTED_TOO_LARGE", detail);
    }
}
