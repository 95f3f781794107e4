//! AVIF and HEIF: an image sequence has tracks, as a video has.

use super::cursor::Cursor;
use super::png::be32;
use super::report::Report;
use crate::Source;
use crate::window::Stop;

/// The most boxes of which a file may consist, those inside of others not counted.
const MAX_BOXES: u32 = 64;

/// Rejects sequences, whose frames only their tracks would tell, where one frame is allowed.
pub(super) async fn count<S: Source>(
    cursor: &mut Cursor<'_, '_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    for _ in 0..MAX_BOXES {
        if cursor.at_end() {
            return Ok(());
        }
        let Some(header) = cursor.take(8).await? else {
            break;
        };
        let mut length = u64::from(be32(&header[..4]));
        let mut read = 8;
        if length == 1 {
            let Some(long) = cursor.take(8).await? else {
                break;
            };
            length = u64::from(be32(&long[..4])) << 32 | u64::from(be32(&long[4..]));
            read = 16;
        }
        if &header[4..] == b"moov" {
            report.frames(2);
        }
        match length {
            0 => return Ok(()),
            length if length < read => break,
            length => cursor.skip(length - read),
        }
    }
    report.damaged();
    Ok(())
}
