//! BMP: a header of the file, and that of its bitmap, with which a bitmap in an icon begins.
//!
//! Source: <https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-header-types>

use super::report::Report;
use crate::Source;
use crate::window::{Stop, Window};
use crate::zip::{u16_at, u32_at};

/// The length of the file's header.
const FILE_HEADER: u64 = 14;

/// The bytes of a bitmap that its dimensions need.
pub(super) const BITMAP_HEADER: u64 = 16;

/// Measures the bitmap of a file.
pub(super) async fn measure<S: Source>(
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    let end = FILE_HEADER + BITMAP_HEADER;
    if window.size() < end {
        report.damaged();
        return Ok(());
    }
    let (width, height) = dimensions(&window.get(FILE_HEADER..end).await?);
    report.frame(u64::from(width), u64::from(height));
    Ok(())
}

/// Returns the width and the height of a bitmap by its header, or zeros if no decoder knows the header.
pub(super) fn dimensions(header: &[u8]) -> (u32, u32) {
    match u32_at(header, 0) {
        12 => (u32::from(u16_at(header, 4)), u32::from(u16_at(header, 6))),
        // A negative height is that of rows from the top.
        16..=124 => (u32_at(header, 4), u32_at(header, 8).cast_signed().unsigned_abs()),
        _ => (0, 0),
    }
}
