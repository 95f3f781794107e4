//! Archives: their entries, their sizes, and what unpacking them would do. Nothing is unpacked but in memory, in small
//! pieces, to count it.

mod gzip;
mod inflate;
mod listing;
mod memory;
mod names;
mod report;
mod tar;
mod tar_entries;
mod zip_entries;
mod zip_listing;

use crate::media_type::Ends;
use crate::window::{Stop, Window};
use crate::{ArchiveCheck, Findings, Source};

pub(crate) use self::tar::is_tar;

use self::listing::Kind;
use self::report::Report;

/// The most bytes of an archive inside of another one, packed or unpacked. It is held in memory.
const MAX_NESTED: u64 = 8 * 1024 * 1024;

/// Lists an archive, and rejects what may not be inside. A file that is not an archive is accepted.
pub(crate) async fn check<S: Source + Send>(
    check: &ArchiveCheck,
    window: &mut Window<'_, S>,
    ends: &Ends,
    findings: &mut Findings,
) -> Result<(), Stop<S::Error>>
where
    S::Error: Send,
{
    let other = findings.media_type.as_deref().is_some_and(is_other_archive) || is_other_signature(&ends.head);
    let mut report = Report::new(check, findings);
    match listing::kind(&ends.head) {
        Some(kind) => listing::list(kind, window, &mut report, 1).await?,
        None if ends.ends_with_zip() => {
            listing::list(Kind::Zip, window, &mut report, 1).await?;
        }
        None if other => {
            report.reject("ARCHIVE_UNSUPPORTED", "Archives of this format cannot be checked.");
        }
        None => {}
    }
    Ok(())
}

/// Tells whether a type is an archive that cannot be listed.
fn is_other_archive(media_type: &str) -> bool {
    const OTHERS: [&str; 18] = [
        "application/vnd.rar",
        "application/vnd.ms-cab-compressed",
        "application/vnd.debian.binary-package",
        "application/x-7z-compressed",
        "application/x-ace-compressed",
        "application/x-archive",
        "application/x-arj",
        "application/x-bzip2",
        "application/x-compress",
        "application/x-cpio",
        "application/x-iso9660-image",
        "application/x-lz4",
        "application/x-lzh-compressed",
        "application/x-lzip",
        "application/x-lzma",
        "application/x-rpm",
        "application/x-xz",
        "application/zstd",
    ];
    OTHERS.contains(&media_type)
}

/// Tells whether bytes begin as the most usual archives that cannot be listed do.
fn is_other_signature(head: &[u8]) -> bool {
    const SIGNATURES: [&[u8]; 5] = [
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07",
        b"\xfd7zXZ\x00",
        b"BZh",
        b"\x28\xb5\x2f\xfd",
    ];
    SIGNATURES.iter().any(|signature| head.starts_with(signature))
}
