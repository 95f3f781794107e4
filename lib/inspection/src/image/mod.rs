//! Images: their dimensions, and the number of their frames.

mod bmp;
mod cursor;
mod gif;
mod ico;
mod isobmff;
mod jpeg;
mod png;
mod report;
mod tiff;
mod webp;

use std::io::{self, BufReader};

use imagesize::{ImageError, ImageType};

use self::cursor::Cursor;
use self::report::Report;
use crate::window::{Stop, Window, usize_of};
use crate::{Findings, ImageCheck, Source};

/// The reads that the dimensions may need. Those of a photo may be behind a preview and a color profile.
const MAX_READS: u32 = 32;

/// The bytes by which the crate tells formats apart, and without which it reads none.
const FORMAT_HEADER: usize = 12;

/// Measures an image, and rejects one that exceeds a limit. A file that is no image is rejected as well.
pub(crate) async fn check<S: Source>(
    check: &ImageCheck,
    window: &mut Window<'_, S>,
    findings: &mut Findings,
) -> Result<(), Stop<S::Error>> {
    let mut report = Report::new(check, findings);
    if window.size() < FORMAT_HEADER as u64 {
        return check_short(window, &mut report).await;
    }
    let measured = window
        .parse(MAX_READS, |reader| {
            let mut reader = BufReader::with_capacity(1024, reader);
            let format = imagesize::reader_type(&mut reader)?;
            let size = if has_own_parser(format) {
                None
            } else {
                Some(format.reader_size(&mut reader)?)
            };
            Ok::<_, ImageError>((format, size))
        })
        .await?;
    let (format, size) = match measured {
        Some(Ok(measured)) => measured,
        Some(Err(ImageError::NotSupported)) => {
            report.not_an_image();
            return Ok(());
        }
        Some(Err(ImageError::CorruptedImage | ImageError::IoError(_))) | None => {
            report.damaged();
            return Ok(());
        }
    };
    if let Some(size) = size {
        report.frame(size.width as u64, size.height as u64);
    }
    count_frames(format, window, &mut report).await
}

/// Tells whether a format is measured here: the crate goes by the first of two headers, of an icon by its directory, and does not
/// know that the height of a bitmap may be negative.
fn has_own_parser(format: ImageType) -> bool {
    matches!(
        format,
        ImageType::Bmp | ImageType::Ico | ImageType::Jpeg | ImageType::Png
    )
}

/// Rejects a file that is too short for any format: as damaged if it is empty, or begins like an image.
async fn check_short<S: Source>(window: &mut Window<'_, S>, report: &mut Report<'_>) -> Result<(), Stop<S::Error>> {
    let size = window.size();
    let mut header = [0; FORMAT_HEADER];
    if size > 0 {
        header[..usize_of(size)].copy_from_slice(&window.get(0..size).await?);
    }
    match imagesize::reader_type(io::Cursor::new(header)) {
        Err(ImageError::NotSupported) if size > 0 => report.not_an_image(),
        _ => report.damaged(),
    }
    Ok(())
}

/// Counts the frames, and measures what the crate does not.
async fn count_frames<S: Source>(
    format: ImageType,
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the formats of the crate, of which most have one frame"
    )]
    match format {
        ImageType::Bmp => bmp::measure(window, report).await,
        ImageType::Gif => gif::count(&mut Cursor::new(window), report).await,
        ImageType::Png => png::count(&mut Cursor::new(window), report).await,
        ImageType::Jpeg => jpeg::measure(&mut Cursor::new(window), report).await,
        ImageType::Ico => ico::measure(window, report).await,
        ImageType::Webp => webp::count(&mut Cursor::new(window), report).await,
        ImageType::Tiff => tiff::count(window, report).await,
        ImageType::Heif(_) => isobmff::count(&mut Cursor::new(window), report).await,
        _ => Ok(()),
    }
}
