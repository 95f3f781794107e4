//! Images: their dimensions, and the number of their frames.

mod cursor;
mod gif;
mod isobmff;
mod png;
mod report;
mod tiff;
mod webp;

use std::io::BufReader;

use imagesize::{ImageError, ImageType};

use self::cursor::Cursor;
use self::report::Report;
use crate::window::{Stop, Window};
use crate::{Findings, ImageCheck, Source};

/// The reads that the dimensions may need. Those of a photo may be behind a preview and a color profile.
const MAX_READS: u32 = 32;

/// Measures an image, and rejects one that exceeds a limit. A file that is no image is rejected as well.
pub(crate) async fn check<S: Source>(
    check: &ImageCheck,
    window: &mut Window<'_, S>,
    findings: &mut Findings,
) -> Result<(), Stop<S::Error>> {
    let mut report = Report::new(check, findings);
    let measured = window
        .parse(MAX_READS, |reader| {
            let mut reader = BufReader::with_capacity(1024, reader);
            let format = imagesize::reader_type(&mut reader)?;
            Ok::<_, ImageError>((format, format.reader_size(&mut reader)?))
        })
        .await?;
    let (format, size) = match measured {
        Some(Ok(measured)) => measured,
        Some(Err(ImageError::NotSupported)) => {
            report.reject("NOT_AN_IMAGE", "The file is no image of a known format.");
            return Ok(());
        }
        Some(Err(ImageError::CorruptedImage | ImageError::IoError(_))) | None => {
            report.damaged();
            return Ok(());
        }
    };
    report.frame(size.width as u64, size.height as u64);
    count_frames(format, window, &mut report).await
}

/// Counts the frames, and measures those that have dimensions of their own.
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
        ImageType::Gif => gif::count(&mut Cursor::new(window), report).await,
        ImageType::Png => png::count(&mut Cursor::new(window), report).await,
        ImageType::Webp => webp::count(&mut Cursor::new(window), report).await,
        ImageType::Tiff => tiff::count(window, report).await,
        ImageType::Heif(_) => isobmff::count(&mut Cursor::new(window), report).await,
        _ => Ok(()),
    }
}
