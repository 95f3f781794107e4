//! The ranges of a file that were read.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;

use crate::Source;

/// The most bytes of ranges that are kept. The oldest are dropped first.
const MAX_KEPT: u64 = 8 * 1024 * 1024;

/// The least bytes of a read, where the file has as many: a request costs more than they do.
const READ_AHEAD: u64 = 32 * 1024;

/// The most reads of one inspection.
const MAX_READS: u32 = 20_000;

/// An error that ends an inspection, or the check that has it.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    /// The source failed.
    Source(E),
    /// The source returned fewer or more bytes than were asked for.
    WrongLength,
    /// The check needs more reads than an inspection may make.
    TooManyReads,
}

/// A file of known size, read by ranges, the last of which are kept.
#[derive(Debug)]
pub(crate) struct Window<'a, S> {
    source: &'a mut S,
    size: u64,
    kept: Vec<(u64, Bytes)>,
    reads: u32,
}

impl<'a, S: Source> Window<'a, S> {
    pub(crate) fn new(source: &'a mut S, size: u64) -> Self {
        Self {
            source,
            size,
            kept: Vec::new(),
            reads: 0,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the bytes of a range, which must lie within the file. Reads ahead if they are not kept.
    pub(crate) async fn get(&mut self, range: Range<u64>) -> Result<Bytes, Stop<S::Error>> {
        if let Some(bytes) = kept(&self.kept, &range) {
            return Ok(bytes);
        }
        let start = range.start;
        let end = range.end.max(start.saturating_add(READ_AHEAD)).min(self.size);
        let bytes = self.read(start..end).await?;
        let wanted = bytes.slice(..usize_of(range.end - start).min(bytes.len()));
        self.keep(start, bytes);
        Ok(wanted)
    }

    /// Returns the bytes of a range, if they are kept.
    pub(crate) fn kept(&self, range: Range<u64>) -> Option<Bytes> {
        kept(&self.kept, &range)
    }

    /// Returns the bytes of a range, which must lie within the file. Reads nothing else, and keeps nothing more.
    pub(crate) async fn read_kept(&mut self, range: Range<u64>) -> Result<Bytes, Stop<S::Error>> {
        match kept(&self.kept, &range) {
            Some(bytes) => Ok(bytes),
            None => self.read(range).await,
        }
    }

    /// Reads a range, which must lie within the file, and does not keep it.
    pub(crate) async fn read(&mut self, range: Range<u64>) -> Result<Bytes, Stop<S::Error>> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if self.reads == MAX_READS {
            return Err(Stop::TooManyReads);
        }
        self.reads += 1;
        let length = range.end - range.start;
        let bytes = self.source.read(range).await.map_err(Stop::Source)?;
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(Stop::WrongLength)
        }
    }

    fn keep(&mut self, start: u64, bytes: Bytes) {
        let kept_bytes = |kept: &[(u64, Bytes)]| kept.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        while !self.kept.is_empty() && kept_bytes(&self.kept) + bytes.len() as u64 > MAX_KEPT {
            self.kept.remove(0);
        }
        self.kept.push((start, bytes));
    }

    /// Runs a parser over what is kept, and reads what it misses, at most `reads` times. `None` if it still misses some.
    pub(crate) async fn parse<T>(
        &mut self,
        reads: u32,
        mut parse: impl FnMut(&mut KeptReader<'_>) -> T,
    ) -> Result<Option<T>, Stop<S::Error>> {
        for _ in 0..=reads {
            let mut reader = KeptReader {
                kept: &self.kept,
                size: self.size,
                position: 0,
                missing: None,
            };
            let parsed = parse(&mut reader);
            let Some(missing) = reader.missing else {
                return Ok(Some(parsed));
            };
            self.get(missing..missing + 1).await?;
        }
        Ok(None)
    }
}

fn kept(kept: &[(u64, Bytes)], range: &Range<u64>) -> Option<Bytes> {
    kept.iter().find_map(|(start, bytes)| {
        let end = start + bytes.len() as u64;
        let inside = *start <= range.start && range.end <= end;
        inside.then(|| bytes.slice(usize_of(range.start - start)..usize_of(range.end - start)))
    })
}

/// A length of bytes that are in memory.
pub(crate) fn usize_of(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// The kept ranges as a file for parsers that are not asynchronous. A read of what is not kept fails, and is remembered.
#[derive(Debug)]
pub(crate) struct KeptReader<'a> {
    kept: &'a [(u64, Bytes)],
    size: u64,
    position: u64,
    missing: Option<u64>,
}

impl Read for KeptReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let held = self.kept.iter().find_map(|(start, bytes)| {
            let skipped = self.position.checked_sub(*start)?;
            bytes.get(usize_of(skipped)..).filter(|rest| !rest.is_empty())
        });
        let Some(held) = held else {
            self.missing.get_or_insert(self.position);
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let length = held.len().min(buffer.len());
        buffer[..length].copy_from_slice(&held[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for KeptReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
