//! GIF: an image descriptor for each frame.
//!
//! Source: <https://www.w3.org/Graphics/GIF/spec-gif89a.txt>

use super::cursor::Cursor;
use super::report::Report;
use crate::Source;
use crate::window::Stop;
use crate::zip::u16_at;

/// Counts the frames.
pub(super) async fn count<S: Source>(
    cursor: &mut Cursor<'_, '_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    let Some(screen) = cursor.take(13).await? else {
        report.damaged();
        return Ok(());
    };
    cursor.skip(colors(screen[10]));
    let mut frames = 0;
    loop {
        let Some(block) = cursor.take(1).await? else {
            report.damaged();
            return Ok(());
        };
        match block[0] {
            b';' => {
                if frames == 0 {
                    report.damaged();
                }
                return Ok(());
            }
            b'!' => cursor.skip(1),
            b',' => {
                frames += 1;
                let Some(image) = cursor.take(9).await? else {
                    report.damaged();
                    return Ok(());
                };
                let [left, top, width, height] = [0, 2, 4, 6].map(|at| u64::from(u16_at(&image, at)));
                report.frame(left + width, top + height);
                if !report.frames(frames) {
                    return Ok(());
                }
                cursor.skip(colors(image[8]) + 1);
            }
            // Some programs write zeros between blocks.
            0 => continue,
            _ => {
                report.damaged();
                return Ok(());
            }
        }
        loop {
            match cursor.take(1).await? {
                Some(length) if length[0] == 0 => break,
                Some(length) => cursor.skip(u64::from(length[0])),
                None => {
                    report.damaged();
                    return Ok(());
                }
            }
        }
    }
}

/// Returns the length of the color table that flags announce.
fn colors(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}
