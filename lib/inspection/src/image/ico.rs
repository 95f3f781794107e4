//! ICO: a directory of images, each of which is a PNG, or a BMP without its file header.
//!
//! Source: <https://learn.microsoft.com/en-us/previous-versions/ms997538(v=msdn.10)>

use bytes::Bytes;

use super::bmp::{self, BITMAP_HEADER};
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
        if start < images_start || length < BITMAP_HEADER || end > window.size() {
            report.damaged();
            continue;
        }
        let header = window.get(start..start + BITMAP_HEADER).await?;
        if header.starts_with(png::SIGNATURE) {
            png::count(&mut Cursor::within(window, start..end), report).await?;
        } else {
            // Its height counts the rows of the mask as well.
            let (width, height) = bmp::dimensions(&header);
            report.frame(u64::from(width), u64::from(height / 2));
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
