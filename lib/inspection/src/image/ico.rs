//! ICO: a directory of images, each of which is a PNG, or a BMP without its file header.
//!
//! Source: <https://learn.microsoft.com/en-us/previous-versions/ms997538(v=msdn.10)>

use bytes::Bytes;

use super::cursor::Cursor;
use super::png;
use super::report::Report;
use crate::Source;
use crate::window::{Stop, Window};
use crate::zip::{u16_at, u32_at};

/// The length of the file's header, and of an entry of its directory.
const HEADER: u64 = 6;
const ENTRY: usize = 16;

/// The maximum number of images. Each takes a read, and an icon has about ten.
const MAX_IMAGES: usize = 64;

/// The bytes of an image that its dimensions need.
const IMAGE_HEADER: u64 = 16;

/// Measures the images by their own headers, by which decoders go: the directory has a byte for each side.
pub(super) async fn measure<S: Source>(
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    let Some(directory) = directory(window).await? else {
        report.damaged();
        return Ok(());
    };
    let images_start = HEADER + directory.len() as u64;
    for entry in directory.chunks_exact(ENTRY) {
        let [length, start] = [8, 12].map(|at| u64::from(u32_at(entry, at)));
        let end = start + length;
        if start < images_start || length < IMAGE_HEADER || end > window.size() {
            report.damaged();
            continue;
        }
        let header = window.get(start..start + IMAGE_HEADER).await?;
        if header.starts_with(png::SIGNATURE) {
            png::count(&mut Cursor::within(window, start..end), report).await?;
        } else {
            measure_bitmap(&header, report);
        }
    }
    Ok(())
}

/// Returns the entries of the directory. `None` if it is not complete, has none, or has too many.
async fn directory<S: Source>(window: &mut Window<'_, S>) -> Result<Option<Bytes>, Stop<S::Error>> {
    if window.size() < HEADER {
        return Ok(None);
    }
    let images = usize::from(u16_at(&window.get(0..HEADER).await?, 4));
    let end = HEADER + (images * ENTRY) as u64;
    if images == 0 || images > MAX_IMAGES || end > window.size() {
        return Ok(None);
    }
    window.get(HEADER..end).await.map(Some)
}

/// Compares the dimensions of a bitmap with the limits. Its height counts the rows of the mask as well.
fn measure_bitmap(header: &[u8], report: &mut Report<'_>) {
    let (width, height) = match u32_at(header, 0) {
        12 => (u32::from(u16_at(header, 4)), u32::from(u16_at(header, 6))),
        // A negative height is that of rows from the top.
        16..=124 => (u32_at(header, 4), u32_at(header, 8).cast_signed().unsigned_abs()),
        _ => (0, 0),
    };
    report.frame(u64::from(width), u64::from(height / 2));
}
