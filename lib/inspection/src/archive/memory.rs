//! An archive inside of another one, in memory.

use std::convert::Infallible;
use std::ops::Range;

use bytes::Bytes;

use crate::Source;
use crate::window::usize_of;

/// A file in memory.
#[derive(Debug)]
pub(super) struct Memory(pub(super) Bytes);

impl Source for Memory {
    type Error = Infallible;

    fn read(&mut self, range: Range<u64>) -> impl Future<Output = Result<Bytes, Infallible>> + Send {
        let bytes = self.0.slice(usize_of(range.start)..usize_of(range.end));
        std::future::ready(Ok(bytes))
    }
}
