//! A piece of a file as the body of a request: read while it is sent, a block at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{Stream, stream};

use crate::progress::Bar;

/// What is read at once, and all that a request has in memory: large enough that calls do not count. Bytes.
const BLOCK: u64 = 512 * 1024;

/// Some bytes of an open file.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// Counts what one attempt takes out of its piece.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    bar: Bar,
    taken: Arc<AtomicU64>,
}

impl Meter {
    pub(crate) fn new(bar: Bar) -> Self {
        Self {
            bar,
            taken: Arc::default(),
        }
    }

    /// So many bytes have moved.
    pub(crate) fn add(&self, bytes: u64) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        self.bar.moved(bytes);
    }

    /// How many have.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// They have moved in vain.
    pub(crate) fn take_back(&self) {
        self.bar.again(self.taken());
    }
}

impl Piece {
    /// The bytes, in order. An error where the file ends early.
    pub(super) fn stream(self, meter: Meter) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let end = self.offset + self.len;
        stream::try_unfold((self, meter), move |(piece, meter)| async move {
            let len = BLOCK.min(end - piece.offset);
            if len == 0 {
                return Ok(None);
            }
            let (block, piece) = piece.next(len).await?;
            meter.add(len);
            Ok(Some((block, (piece, meter))))
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
