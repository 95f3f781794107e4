//! The bytes that a form may have before its file.
//!
//! The parser buffers what it is given until it finds a boundary, and searches the buffer again for each piece. So it gets one
//! piece at a time, and few of them before the file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};

use super::MAX_FIELDS_BYTES;

/// The number of bytes that may still arrive before the file. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Allowance(Arc<AtomicUsize>);

impl Default for Allowance {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(MAX_FIELDS_BYTES)))
    }
}

impl Allowance {
    /// Returns the stream, which fails when it is asked for more than the allowance, and pauses after each piece.
    pub(super) fn limit<E: Send + 'static>(
        self,
        body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
        let mut body = Box::pin(body);
        let mut pauses = false;
        stream::poll_fn(move |cx| {
            if std::mem::take(&mut pauses) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.is_exceeded() {
                return Poll::Ready(Some(Err(io::ErrorKind::FileTooLarge.into())));
            }
            body.poll_next_unpin(cx).map(|piece| {
                pauses = true;
                let piece = piece?.map_err(|_| io::ErrorKind::UnexpectedEof.into());
                self.take(piece.as_ref().map_or(0, Bytes::len));
                Some(piece)
            })
        })
    }

    /// Allows any number of bytes: the file has begun.
    pub(super) fn lift(&self) {
        self.0.store(usize::MAX, Ordering::Relaxed);
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn take(&self, bytes: usize) {
        let left = self.0.load(Ordering::Relaxed);
        if left != usize::MAX {
            self.0.store(left.saturating_sub(bytes), Ordering::Relaxed);
        }
    }
}
