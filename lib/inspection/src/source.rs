//! The bytes of a file, by ranges.

use std::ops::Range;

use bytes::Bytes;

/// A file whose bytes can be read by ranges.
pub trait Source {
    /// An error of a read.
    type Error;

    /// Reads one range, which is not empty and lies within the file's size. Every byte of it must be returned.
    fn read(&mut self, range: Range<u64>) -> impl Future<Output = Result<Bytes, Self::Error>> + Send;
}
