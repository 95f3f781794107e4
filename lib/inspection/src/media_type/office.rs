//! Formats that are zip archives or compound files: the names inside tell which.

use crate::Source;
use crate::window::{Stop, Window};
use crate::zip::{self, End, Parsed};

/// The most bytes of a directory that are read for the names.
const MAX_DIRECTORY: u64 = 64 * 1024;

/// The types that an archive may name in its first entry, `mimetype`.
const NAMED_BY_ENTRY: [&str; 6] = [
    "application/vnd.oasis.opendocument.",
    "application/vnd.sun.xml.",
    "application/epub+zip",
    "application/vnd.adobe.indesign-idml-package",
    "image/openraster",
    "application/x-krita",
];

/// Types by a name inside. The first that is there counts.
const BY_NAME: [(&[u8], &str); 11] = [
    (
        b"xl/workbook.bin",
        "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    ),
    (
        b"word/document",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        b"xl/workbook",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        b"ppt/presentation",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    (b"visio/document", "application/vnd.ms-visio.drawing.main+xml"),
    (b"3D/", "application/vnd.ms-package.3dmanufacturing-3dmodel+xml"),
    (b"FixedDoc", "application/oxps"),
    (b"AppxManifest.xml", "application/vnd.ms-appx"),
    (b"AndroidManifest.xml", "application/vnd.android.package-archive"),
    (b"META-INF/MANIFEST.MF", "application/java-archive"),
    (b"doc.kml", "application/vnd.google-earth.kmz"),
];

/// Types of documents with macros, by the name of their macros.
const BY_MACROS: [(&[u8], &str); 3] = [
    (
        b"word/vbaProject.bin",
        "application/vnd.ms-word.document.macroenabled.12",
    ),
    (b"xl/vbaProject.bin", "application/vnd.ms-excel.sheet.macroenabled.12"),
    (
        b"ppt/vbaProject.bin",
        "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    ),
];

/// Types of compound files, by the name of a stream.
const BY_STREAM: [(&str, &str); 6] = [
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("VisioDocument", "application/vnd.visio"),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
];

/// Finds the type of a zip archive.
pub(super) async fn zip_type<S: Source>(
    window: &mut Window<'_, S>,
    head: &[u8],
    end: &End,
) -> Result<String, Stop<S::Error>> {
    let directory = &end.directory;
    let read = window
        .get(directory.start..directory.end.min(directory.start + MAX_DIRECTORY))
        .await?;
    let mut names = Vec::new();
    let mut rest = &read[..];
    while let Parsed::Entry(entry, length) = zip::parse(rest) {
        names.push(entry.name);
        rest = &rest[length..];
    }
    if let Some(named) = named_by_entry(head) {
        return Ok(named);
    }
    let there = |name: &[u8]| names.iter().any(|other| other.starts_with(name));
    let macros = BY_MACROS.iter().find(|(name, _)| there(name));
    let found = macros.or_else(|| BY_NAME.iter().find(|(name, _)| there(name)));
    Ok(found.map_or("application/zip", |(_, media_type)| media_type).to_owned())
}

/// Returns the type that the first entry names.
fn named_by_entry(head: &[u8]) -> Option<String> {
    let name = b"mimetype";
    let stored = head.starts_with(zip::LOCAL_HEADER) && zip::u16_at(head, 8) == zip::STORED;
    if !stored || usize::from(zip::u16_at(head, 26)) != name.len() || !head.get(30..)?.starts_with(name) {
        return None;
    }
    let start = 30 + name.len() + usize::from(zip::u16_at(head, 28));
    let length = usize::try_from(zip::u32_at(head, 18)).ok()?;
    let text = std::str::from_utf8(head.get(start..start.checked_add(length)?)?)
        .ok()?
        .trim();
    let known = NAMED_BY_ENTRY.iter().any(|known| text.starts_with(known));
    (known && length < 100 && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| text.to_owned())
}

/// Finds the type of a compound file by the names of streams in its first directory sector.
pub(super) async fn compound_type<S: Source>(
    window: &mut Window<'_, S>,
    head: &[u8],
) -> Result<Option<String>, Stop<S::Error>> {
    const SECTOR: u64 = 4096;
    let sector_bits = u32::from(zip::u16_at(head, 30)).min(12);
    let start = (u64::from(zip::u32_at(head, 48)) + 1) << sector_bits;
    if start >= window.size() {
        return Ok(None);
    }
    let sector = window.get(start..window.size().min(start + SECTOR)).await?;
    let named = |name: &str| {
        let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        sector.chunks(128).any(|entry| entry.starts_with(&name))
    };
    let found = BY_STREAM.iter().find(|(name, _)| named(name));
    Ok(found.map(|(_, media_type)| (*media_type).to_owned()))
}
