//! A tar archive that is not compressed: its headers are read, and what lies between them is not.

use super::report::Report;
use super::tar_entries::{Scan, Wants};
use crate::Source;
use crate::window::{Stop, Window};

/// The length of a header, and of the blocks that contents are filled up to.
pub(super) const BLOCK: usize = 512;

/// Tells whether bytes begin with the header of a tar archive.
pub(crate) fn is_tar(head: &[u8]) -> bool {
    head.get(..BLOCK)
        .is_some_and(|block| block[0] != 0 && has_checksum(block))
}

/// Tells whether a header has the checksum that it says, which some programs compute with signed bytes.
pub(super) fn has_checksum(block: &[u8]) -> bool {
    let said = super::tar_entries::number(&block[148..156]);
    let bytes = || {
        block
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte })
    };
    let unsigned: i64 = bytes().map(i64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    said.and_then(|said| i64::try_from(said).ok())
        .is_some_and(|said| said == unsigned || said == signed)
}

/// Lists a tar archive.
pub(super) async fn list<S: Source>(
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
    depth: u32,
) -> Result<(), Stop<S::Error>> {
    let mut scan = Scan::new(depth);
    let mut place = 0_u64;
    let size = window.size();
    loop {
        let wants = scan.wants();
        let end = match wants {
            Wants::Block => place.saturating_add(BLOCK as u64),
            Wants::Content(length) | Wants::Skip(length) => place.saturating_add(length),
            Wants::Nothing => return Ok(()),
        };
        if end > size {
            // Some programs leave out the empty blocks at the end.
            if place != size || wants != Wants::Block {
                report.truncated();
            }
            return Ok(());
        }
        match wants {
            Wants::Skip(_) => scan.skipped(),
            Wants::Block => scan.give(window.get(place..end).await?, report).await,
            Wants::Content(_) => scan.give(window.read_kept(place..end).await?, report).await,
            Wants::Nothing => {}
        }
        place = end;
    }
}
