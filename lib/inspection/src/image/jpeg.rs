//! JPEG: segments, one of which has the dimensions.
//!
//! Source: <https://www.w3.org/Graphics/JPEG/itu-t81.pdf>

use super::cursor::Cursor;
use super::report::Report;
use crate::Source;
use crate::window::Stop;

/// The maximum number of segments before the pixels. A photo with a color profile and its metadata has about a hundred.
const MAX_SEGMENTS: u32 = 1024;

/// Measures the image by its frame header, of which there must be one before the pixels: decoders differ in which of two they
/// go by.
pub(super) async fn measure<S: Source>(
    cursor: &mut Cursor<'_, '_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    cursor.skip(2);
    let mut headers = 0;
    for _ in 0..MAX_SEGMENTS {
        let Some(code) = next_marker(cursor).await? else {
            break;
        };
        match code {
            // The pixels.
            0xda if headers == 1 => return Ok(()),
            0xda | 0xd9 => break,
            // Markers without a segment.
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let Some(length) = cursor.take(2).await? else {
            break;
        };
        let mut rest = u64::from(u16::from_be_bytes([length[0], length[1]])).saturating_sub(2);
        // Tables and arithmetic conditioning have codes among those of frame headers.
        if matches!(code, 0xc0..=0xcf) && !matches!(code, 0xc4 | 0xc8 | 0xcc) {
            headers += 1;
            let Some(frame) = cursor.take(5).await? else {
                break;
            };
            let [height, width] = [1, 3].map(|at| u64::from(u16::from_be_bytes([frame[at], frame[at + 1]])));
            report.frame(width, height);
            rest = rest.saturating_sub(5);
        }
        cursor.skip(rest);
    }
    report.damaged();
    Ok(())
}

/// Returns the code of the next marker. `None` if there is none.
async fn next_marker<S: Source>(cursor: &mut Cursor<'_, '_, S>) -> Result<Option<u8>, Stop<S::Error>> {
    if cursor.take(1).await?.is_none_or(|first| first[0] != 0xff) {
        return Ok(None);
    }
    loop {
        match cursor.take(1).await? {
            // A marker may have more of these before its code.
            Some(code) if code[0] == 0xff => {}
            code => return Ok(code.map(|code| code[0])),
        }
    }
}
