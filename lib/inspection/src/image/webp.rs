//! WebP: chunks, one for each frame of an animation.
//!
//! Source: <https://developers.google.com/speed/webp/docs/riff_container>

use super::cursor::Cursor;
use super::report::Report;
use crate::Source;
use crate::window::Stop;
use crate::zip::u32_at;

/// Counts the frames.
pub(super) async fn count<S: Source>(
    cursor: &mut Cursor<'_, '_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    cursor.skip(12);
    let mut frames = 0;
    while !cursor.at_end() {
        let Some(chunk) = cursor.take(8).await? else {
            break;
        };
        let length = u64::from(u32_at(&chunk, 4));
        let mut read = 0;
        if chunk.starts_with(b"ANMF") {
            frames += 1;
            let Some(frame) = cursor.take(12).await? else {
                report.damaged();
                return Ok(());
            };
            read = 12;
            let size = |at: usize| u64::from(u32_at(&frame, at) & 0x00ff_ffff) + 1;
            report.frame(size(6), u64::from(u32_at(&frame, 8) >> 8) + 1);
            if !report.frames(frames) {
                return Ok(());
            }
        }
        cursor.skip((length + length % 2).saturating_sub(read));
    }
    Ok(())
}
