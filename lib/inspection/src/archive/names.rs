//! The names of entries: where unpacking would write, and which names are archives.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::report::Report;
use crate::findings::quoted;

/// The names of one archive, as hashes: two that are equal by chance are reported as one, which rejects and does not accept.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<u64>);

impl Names {
    /// Rejects a name that leads out of the directory to unpack into, or that another entry has.
    pub(super) fn check(&mut self, name: &[u8], report: &mut Report<'_>) {
        let shown = || quoted(&String::from_utf8_lossy(name));
        if is_unsafe(name) {
            report.reject(
                "UNSAFE_NAME",
                format!("An entry has the name {}, which leads elsewhere.", shown()),
            );
        }
        let mut hasher = DefaultHasher::new();
        for part in name
            .split(|byte| is_separator(*byte))
            .filter(|part| !matches!(*part, b"" | b"."))
        {
            part.hash(&mut hasher);
        }
        if !self.0.insert(hasher.finish()) {
            report.reject("DUPLICATE_NAME", format!("Two entries have the name {}.", shown()));
        }
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// Tells whether a name is absolute, climbs to a parent, or has control characters. A backslash separates as well.
pub(super) fn is_unsafe(name: &[u8]) -> bool {
    let drive = name.get(1) == Some(&b':') && name[0].is_ascii_alphabetic();
    let climbs = name.split(|byte| is_separator(*byte)).any(|part| part == b"..");
    name.is_empty() || drive || climbs || is_separator(name[0]) || name.iter().any(|byte| *byte < 0x20 || *byte == 0x7f)
}

/// Tells whether a link in a directory of an archive leads out of the archive.
pub(super) fn leads_out(link: &[u8], target: &[u8]) -> bool {
    let drive = target.get(1) == Some(&b':');
    if target.is_empty() || drive || is_separator(target[0]) || target.iter().any(|byte| *byte < 0x20) {
        return true;
    }
    let parts = |path: &[u8]| {
        path.split(|byte| is_separator(*byte))
            .filter(|part| !matches!(*part, b"" | b"."))
            .count()
    };
    let mut depth = parts(link).saturating_sub(1);
    for part in target.split(|byte| is_separator(*byte)) {
        match part {
            b"" | b"." => {}
            b".." => match depth.checked_sub(1) {
                Some(parent) => depth = parent,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

/// Tells whether a name is that of an archive that can be opened, by its extension.
pub(super) fn is_archive(name: &[u8]) -> bool {
    const EXTENSIONS: [&str; 24] = [
        "zip", "jar", "war", "ear", "apk", "aar", "docx", "docm", "dotx", "xlsx", "xlsm", "pptx", "pptm", "odt", "ods",
        "odp", "odg", "epub", "kmz", "xpi", "tar", "tgz", "gz", "whl",
    ];
    has_extension(name, &EXTENSIONS)
}

/// Tells whether a name is that of an archive that cannot be opened, by its extension.
pub(super) fn is_closed_archive(name: &[u8]) -> bool {
    const EXTENSIONS: [&str; 16] = [
        "7z", "rar", "xz", "txz", "bz2", "tbz", "tbz2", "zst", "lz", "lz4", "lzma", "cab", "ace", "arj", "iso", "z",
    ];
    has_extension(name, &EXTENSIONS)
}

fn has_extension(name: &[u8], extensions: &[&str]) -> bool {
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
        return false;
    };
    let extension = &name[dot + 1..];
    extensions
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{is_unsafe, leads_out};

    #[test]
    fn names_that_lead_elsewhere_are_unsafe() {
        for name in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "\\x",
            "C:\\x",
            "c:x",
            "a\\..\\..\\x",
            "..",
            "",
            "a\0b",
            "\\\\host\\share",
            "a/..",
        ] {
            assert!(is_unsafe(name.as_bytes()), "{name:?}");
        }
        for name in ["a", "a/b", "./a", "a..b", "..a/b", "a/...", "é/x"] {
            assert!(!is_unsafe(name.as_bytes()), "{name:?}");
        }
    }

    #[test]
    fn links_that_leave_the_archive_are_found() {
        for (link, target) in [("a", "/etc"), ("a", ".."), ("d/a", "../../x"), ("a", "C:x"), ("a", "")] {
            assert!(leads_out(link.as_bytes(), target.as_bytes()), "{link} -> {target}");
        }
        for (link, target) in [("a", "b"), ("d/a", "../b"), ("d/e/a", "../../b/c"), ("d/a", "./b")] {
            assert!(!leads_out(link.as_bytes(), target.as_bytes()), "{link} -> {target}");
        }
    }
}
