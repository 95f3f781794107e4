//! PNG: chunks, the first of which has the dimensions, and one of which says that the image is an animation.
//!
//! Source: <https://www.w3.org/TR/png-3/>

use super::cursor::Cursor;
use super::report::Report;
use crate::Source;
use crate::window::Stop;

/// The bytes with which a PNG begins.
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Measures the image, and reads the number of frames, which is before the pixels.
pub(super) async fn count<S: Source>(
    cursor: &mut Cursor<'_, '_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    cursor.skip(SIGNATURE.len() as u64);
    let (mut is_first, mut pixels) = (true, false);
    loop {
        let Some(chunk) = cursor.take(8).await? else {
            report.damaged();
            return Ok(());
        };
        let length = be32(&chunk[..4]);
        // Decoders differ in which of two headers they go by.
        if is_first != (&chunk[4..8] == b"IHDR") {
            report.damaged();
        }
        is_first = false;
        match &chunk[4..8] {
            b"IHDR" => {
                let Some(size) = cursor.take(8).await? else {
                    report.damaged();
                    return Ok(());
                };
                report.frame(u64::from(be32(&size[..4])), u64::from(be32(&size[4..])));
                cursor.skip(u64::from(length).saturating_sub(8) + 4);
                continue;
            }
            b"acTL" => {
                let Some(frames) = cursor.take(4).await? else {
                    report.damaged();
                    return Ok(());
                };
                report.frames(u64::from(be32(&frames)));
                cursor.skip(u64::from(length).saturating_sub(4) + 4);
                continue;
            }
            b"fcTL" => {
                let Some(control) = cursor.take(12).await? else {
                    report.damaged();
                    return Ok(());
                };
                report.frame(u64::from(be32(&control[4..8])), u64::from(be32(&control[8..12])));
                cursor.skip(u64::from(length).saturating_sub(12) + 4);
                continue;
            }
            b"IDAT" => pixels = true,
            b"IEND" => {
                if !pixels {
                    report.damaged();
                }
                return Ok(());
            }
            _ => {}
        }
        cursor.skip(u64::from(length) + 4);
    }
}

/// A number of four bytes, which must be there.
pub(super) fn be32(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_be_bytes)
}
