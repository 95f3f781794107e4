//! Reading: the segments of an object as one stream, with one block of read-ahead.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::{BlobId, Lease};
use crate::error::BackendError;
use crate::tasks::Tasks;

/// The size of a read, in bytes. Each download keeps two blocks in memory.
const BLOCK: u64 = 512 * 1024;

/// A run of bytes in a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) blob: BlobId,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl Segment {
    /// Returns the part of `segments` that lies in `range` of their concatenated bytes.
    pub(crate) fn slice(segments: &[Self], range: Range<u64>) -> Vec<Self> {
        let mut start = 0;
        let mut slice = Vec::new();
        for segment in segments {
            let end = start + segment.len;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                slice.push(Self {
                    blob: segment.blob,
                    offset: segment.offset + (from - start),
                    len: to - from,
                });
            }
            start = end;
        }
        slice
    }
}

/// A stream of the bytes of some segments, in order. It holds the lease, so the files stay until it is dropped.
#[derive(Debug)]
pub(crate) struct BlobStream {
    tasks: Tasks,
    remaining: u64,
    state: ReadState,
}

#[derive(Debug)]
enum ReadState {
    Ready(Box<SegmentReader>),
    Reading(JoinHandle<io::Result<(Box<SegmentReader>, Bytes)>>),
    Done,
}

impl BlobStream {
    pub(crate) fn new(tasks: Tasks, lease: Lease, segments: Vec<Segment>) -> Self {
        let remaining = segments.iter().map(|segment| segment.len).sum();
        Self {
            tasks,
            remaining,
            state: ReadState::Ready(Box::new(SegmentReader {
                lease,
                remaining_segments: segments.into(),
                file: None,
            })),
        }
    }

    fn start_read(&self, mut reader: Box<SegmentReader>) -> ReadState {
        ReadState::Reading(self.tasks.spawn_blocking(move || {
            let block = reader.read_block()?;
            Ok((reader, block))
        }))
    }
}

impl Stream for BlobStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::mem::replace(&mut self.state, ReadState::Done) {
                ReadState::Done => return Poll::Ready(None),
                ReadState::Ready(reader) if reader.remaining_segments.is_empty() => return Poll::Ready(None),
                ReadState::Ready(mut reader) => match reader.next_inline() {
                    Some(block) => {
                        self.remaining -= block.len() as u64;
                        self.state = ReadState::Ready(reader);
                        return Poll::Ready(Some(Ok(block)));
                    }
                    None => self.state = self.start_read(reader),
                },
                ReadState::Reading(mut task) => {
                    let Poll::Ready(read) = Pin::new(&mut task).poll(cx) else {
                        self.state = ReadState::Reading(task);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Some(match read {
                        Ok(Ok((reader, block))) => {
                            self.remaining -= block.len() as u64;
                            self.state = if reader.remaining_segments.is_empty() {
                                ReadState::Done
                            } else {
                                self.start_read(reader)
                            };
                            Ok(block)
                        }
                        Ok(Err(error)) => {
                            tracing::error!(%error, "blob read failed");
                            Err(error.into())
                        }
                        Err(error) => Err(error.into()),
                    }));
                }
            }
        }
    }
}

impl ByteStream for BlobStream {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

/// Passes the bytes of `segments` to `visit`, block by block. Blocks.
pub(crate) fn for_each_block(
    lease: Lease,
    segments: Vec<Segment>,
    mut visit: impl FnMut(&[u8]),
) -> Result<(), BackendError> {
    let mut reader = SegmentReader {
        lease,
        remaining_segments: segments.into(),
        file: None,
    };
    while !reader.remaining_segments.is_empty() {
        visit(&reader.read_block()?);
    }
    Ok(())
}

#[derive(Debug)]
struct SegmentReader {
    lease: Lease,
    remaining_segments: VecDeque<Segment>,
    file: Option<File>,
}

impl SegmentReader {
    /// Returns the next segment if it is stored in the index, which needs no blocking read.
    fn next_inline(&mut self) -> Option<Bytes> {
        let segment = self.remaining_segments.front()?;
        let index = |offset| usize::try_from(offset).ok();
        let (from, to) = (index(segment.offset)?, index(segment.offset + segment.len)?);
        let block = self.lease.inline(segment.blob)?.slice(from..to);
        self.remaining_segments.pop_front();
        Some(block)
    }

    /// Returns the next block, which is empty only at the end.
    fn read_block(&mut self) -> io::Result<Bytes> {
        if let Some(block) = self.next_inline() {
            return Ok(block);
        }
        let Some(segment) = self.remaining_segments.front_mut() else {
            return Ok(Bytes::new());
        };
        let file = if let Some(ref mut file) = self.file {
            file
        } else {
            let mut file = self.lease.blobs().open_blob(segment.blob)?;
            file.seek(SeekFrom::Start(segment.offset))?;
            self.file.insert(file)
        };
        let len = segment.len.min(BLOCK);
        let mut block = Vec::with_capacity(usize::try_from(len).map_err(io::Error::other)?);
        if file.take(len).read_to_end(&mut block)? as u64 != len {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the blob is shorter than its record says: the file was truncated",
            ));
        }
        segment.offset += len;
        segment.len -= len;
        if segment.len == 0 {
            self.remaining_segments.pop_front();
            self.file = None;
        }
        Ok(block.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slice_crosses_segments() {
        let (a, b) = (BlobId::random(), BlobId::random());
        let whole = [
            Segment {
                blob: a,
                offset: 10,
                len: 5,
            },
            Segment {
                blob: b,
                offset: 0,
                len: 5,
            },
        ];
        assert_eq!(
            Segment::slice(&whole, 3..7),
            [
                Segment {
                    blob: a,
                    offset: 13,
                    len: 2
                },
                Segment {
                    blob: b,
                    offset: 0,
                    len: 2
                }
            ]
        );
        assert_eq!(Segment::slice(&whole, 0..10), whole);
        assert!(Segment::slice(&whole, 4..4).is_empty());
    }
}
