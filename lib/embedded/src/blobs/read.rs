//! Bytes going out: an object's segments as one stream, read ahead by one block.

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
use crate::failure::Failure;
use crate::tasks::Tasks;

/// What is read at once: two of them are in memory for each download. Bytes.
const BLOCK: u64 = 512 * 1024;

/// A run of bytes within one blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) blob: BlobId,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl Segment {
    /// The part of `segments`, taken as one run of bytes, that lies within `range`.
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

/// The bytes of some segments, in order. It holds the lease, so the files stay until it is dropped.
#[derive(Debug)]
pub(crate) struct BlobStream {
    tasks: Tasks,
    remaining: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Ready(Box<Source>),
    Reading(JoinHandle<io::Result<(Box<Source>, Bytes)>>),
    Done,
}

impl BlobStream {
    pub(crate) fn new(tasks: Tasks, lease: Lease, segments: Vec<Segment>) -> Self {
        let remaining = segments.iter().map(|segment| segment.len).sum();
        Self {
            tasks,
            remaining,
            state: State::Ready(Box::new(Source {
                lease,
                left: segments.into(),
                file: None,
            })),
        }
    }

    fn start(&self, mut source: Box<Source>) -> State {
        State::Reading(self.tasks.start_blocking(move || {
            let block = source.read_block()?;
            Ok((source, block))
        }))
    }
}

impl Stream for BlobStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Ready(source) if source.left.is_empty() => return Poll::Ready(None),
                State::Ready(mut source) => match source.take_small() {
                    Some(block) => {
                        self.remaining -= block.len() as u64;
                        self.state = State::Ready(source);
                        return Poll::Ready(Some(Ok(block)));
                    }
                    None => self.state = self.start(source),
                },
                State::Reading(mut task) => {
                    let Poll::Ready(read) = Pin::new(&mut task).poll(cx) else {
                        self.state = State::Reading(task);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Some(match read {
                        Ok(Ok((source, block))) => {
                            self.remaining -= block.len() as u64;
                            self.state = if source.left.is_empty() {
                                State::Done
                            } else {
                                self.start(source)
                            };
                            Ok(block)
                        }
                        Ok(Err(error)) => {
                            tracing::error!(%error, "cannot read a blob");
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

/// Passes the bytes of `segments` to `update`, a block at a time. Blocking.
pub(crate) fn digest(lease: Lease, segments: Vec<Segment>, mut update: impl FnMut(&[u8])) -> Result<(), Failure> {
    let mut source = Source {
        lease,
        left: segments.into(),
        file: None,
    };
    while !source.left.is_empty() {
        update(&source.read_block()?);
    }
    Ok(())
}

#[derive(Debug)]
struct Source {
    lease: Lease,
    left: VecDeque<Segment>,
    file: Option<File>,
}

impl Source {
    /// The next segment, where it is no file: that does not block.
    fn take_small(&mut self) -> Option<Bytes> {
        let segment = self.left.front()?;
        let place = |offset| usize::try_from(offset).ok();
        let (from, to) = (place(segment.offset)?, place(segment.offset + segment.len)?);
        let block = self.lease.small(segment.blob)?.slice(from..to);
        self.left.pop_front();
        Some(block)
    }

    /// The next block: never empty while something is left.
    fn read_block(&mut self) -> io::Result<Bytes> {
        if let Some(block) = self.take_small() {
            return Ok(block);
        }
        let Some(segment) = self.left.front_mut() else {
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
                "a blob is shorter than its record says",
            ));
        }
        segment.offset += len;
        segment.len -= len;
        if segment.len == 0 {
            self.left.pop_front();
            self.file = None;
        }
        Ok(block.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_crosses_segments() {
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
