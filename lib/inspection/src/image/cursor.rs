//! A file, or a range of one, that is read from its beginning to its end, with parts passed over.

use std::ops::Range;

use bytes::Bytes;

use crate::Source;
use crate::window::{Stop, Window, usize_of};

/// The bytes that are read at once.
const PIECE: u64 = 256 * 1024;

/// A place in a range of a file, and the piece around it.
#[derive(Debug)]
pub(super) struct Cursor<'a, 'w, S> {
    window: &'a mut Window<'w, S>,
    place: u64,
    end: u64,
    start: u64,
    piece: Bytes,
}

impl<'a, 'w, S: Source> Cursor<'a, 'w, S> {
    /// Returns a cursor over the whole file.
    pub(super) fn new(window: &'a mut Window<'w, S>) -> Self {
        let file = 0..window.size();
        Self::within(window, file)
    }

    /// Returns a cursor over a range, which must lie within the file.
    pub(super) fn within(window: &'a mut Window<'w, S>, range: Range<u64>) -> Self {
        Self {
            window,
            place: range.start,
            end: range.end,
            start: range.start,
            piece: Bytes::new(),
        }
    }

    /// Returns the next bytes, at most a piece of them. `None` if the file ends before.
    pub(super) async fn take(&mut self, length: u64) -> Result<Option<Bytes>, Stop<S::Error>> {
        let end = self.place.saturating_add(length);
        if end > self.end || length > PIECE {
            return Ok(None);
        }
        if self.place < self.start || end > self.start + self.piece.len() as u64 {
            self.start = self.place;
            let piece_end = self.end.min(self.place + PIECE);
            // What both ends of the file have is there already.
            self.piece = match self.window.kept(self.place..end) {
                Some(bytes) => bytes,
                None => self.window.read(self.place..piece_end).await?,
            };
        }
        let skipped = usize_of(self.place - self.start);
        let bytes = self.piece.slice(skipped..skipped + usize_of(length));
        self.place = end;
        Ok(Some(bytes))
    }

    /// Passes over bytes.
    pub(super) fn skip(&mut self, length: u64) {
        self.place = self.place.saturating_add(length);
    }

    /// Tells whether the range has ended.
    pub(super) fn at_end(&self) -> bool {
        self.place >= self.end
    }
}
