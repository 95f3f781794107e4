//! TIFF: a directory for each page.
//!
//! Source: <https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf>

use super::report::Report;
use crate::Source;
use crate::window::{Stop, Window};

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;

/// The fields of numbers, in the order of bytes that the file has.
#[derive(Debug, Clone, Copy)]
struct Order {
    big_endian: bool,
}

impl Order {
    fn number(self, bytes: &[u8]) -> u64 {
        let next = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.big_endian {
            bytes.iter().fold(0, next)
        } else {
            bytes.iter().rev().fold(0, next)
        }
    }
}

/// Counts the pages and measures them.
pub(super) async fn count<S: Source>(
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
) -> Result<(), Stop<S::Error>> {
    if window.size() < 16 {
        report.damaged();
        return Ok(());
    }
    let header = window.get(0..16).await?;
    let order = Order {
        big_endian: header.starts_with(b"MM"),
    };
    let big = order.number(&header[2..4]) == 43;
    // The lengths of a count of fields, of a field, and of a place.
    let (count_length, field_length, place_length) = if big { (8, 20, 8) } else { (2, 12, 4) };
    let mut place = order.number(if big { &header[8..16] } else { &header[4..8] });
    let mut pages = 0;
    while place != 0 {
        pages += 1;
        if !report.frames(pages) {
            return Ok(());
        }
        let fields_start = place.saturating_add(count_length);
        if fields_start > window.size() {
            report.damaged();
            return Ok(());
        }
        let fields = order.number(&window.get(place..fields_start).await?);
        let fields_end = fields_start.saturating_add(fields.saturating_mul(field_length));
        let end = fields_end.saturating_add(place_length);
        if end > window.size() || fields > 4096 {
            report.damaged();
            return Ok(());
        }
        let directory = window.get(fields_start..end).await?;
        let (fields, next) = directory.split_at(directory.len() - if big { 8 } else { 4 });
        let value = |tag: u16| {
            let field = fields
                .chunks_exact(if big { 20 } else { 12 })
                .find(|field| order.number(&field[..2]) == u64::from(tag))?;
            let value = if big { &field[12..] } else { &field[8..] };
            let short = order.number(&field[2..4]) == 3;
            Some(order.number(if short { &value[..2] } else { &value[..4] }))
        };
        if let (Some(width), Some(height)) = (value(WIDTH), value(HEIGHT)) {
            report.frame(width, height);
        }
        place = order.number(next);
    }
    if pages == 0 {
        report.damaged();
    }
    Ok(())
}
