//! A range of a file as a request body, read block by block while it is sent.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{Stream, stream};

use crate::progress::FileProgress;

/// The size of a read, and the memory a request uses, in bytes: large enough to amortize the calls.
const BLOCK: u64 = 512 * 1024;

/// A range of an open file.
#[derive(Debug, Clone)]
pub(crate) struct FileRange {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// A counter of the bytes that one attempt transfers.
#[derive(Debug, Clone)]
pub(crate) struct TransferMeter {
    bar: FileProgress,
    transferred: Arc<AtomicU64>,
}

impl TransferMeter {
    pub(crate) fn new(bar: FileProgress) -> Self {
        Self {
            bar,
            transferred: Arc::default(),
        }
    }

    /// Counts transferred bytes.
    pub(crate) fn add(&self, bytes: u64) {
        self.transferred.fetch_add(bytes, Ordering::Relaxed);
        self.bar.advance(bytes);
    }

    /// The number of transferred bytes.
    pub(crate) fn transferred(&self) -> u64 {
        self.transferred.load(Ordering::Relaxed)
    }

    /// Discounts all bytes, because the attempt failed.
    pub(crate) fn discount(&self) {
        self.bar.rewind(self.transferred());
    }
}

impl FileRange {
    /// Returns the bytes as a stream, which fails if the file ends early.
    pub(super) fn stream(self, meter: TransferMeter) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let end = self.offset + self.len;
        stream::try_unfold((self, meter), move |(range, meter)| async move {
            let len = BLOCK.min(end - range.offset);
            if len == 0 {
                return Ok(None);
            }
            let (block, range) = range.next(len).await?;
            meter.add(len);
            Ok(Some((block, (range, meter))))
        })
    }

    async fn next(mut self, len: u64) -> io::Result<(Bytes, Self)> {
        let read = move || {
            let mut block = vec![0; usize::try_from(len).map_err(io::Error::other)?];
            self.file.read_exact_at(&mut block, self.offset)?;
            self.offset += len;
            Ok((Bytes::from(block), self))
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }
}
