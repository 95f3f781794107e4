//! The bytes that a form may have before its file.
//!
//! The parser buffers what it is given until it finds a boundary, and searches the buffer again for each piece. So it gets one
//! piece at a time, and few of them before the file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};

use super::{MAX_FIELDS, MAX_FIELDS_BYTES};

/// The maximum number of times that the parser asks for more without need. It asks before it looks at what it has, a few
/// times for each field.
const MAX_IDLE_POLLS: usize = 4 * MAX_FIELDS;

/// The number of bytes that may still arrive before the file. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Allowance(Arc<State>);

#[derive(Debug)]
struct State {
    bytes: AtomicUsize,
    is_exceeded: AtomicBool,
}

impl Default for Allowance {
    fn default() -> Self {
        Self(Arc::new(State {
            bytes: AtomicUsize::new(MAX_FIELDS_BYTES),
            is_exceeded: AtomicBool::new(false),
        }))
    }
}

impl Allowance {
    /// Returns the stream, which fails when more than the allowance is needed, and pauses after each piece.
    pub(super) fn limit<E: Send + 'static>(
        self,
        body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
        let mut body = Box::pin(body);
        let mut pauses = false;
        let mut idle_polls = 0;
        stream::poll_fn(move |cx| {
            if std::mem::take(&mut pauses) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.0.bytes.load(Ordering::Relaxed) == 0 {
                idle_polls += 1;
                if idle_polls <= MAX_IDLE_POLLS {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.0.is_exceeded.store(true, Ordering::Relaxed);
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
        self.0.bytes.store(usize::MAX, Ordering::Relaxed);
    }

    /// Returns `true` if the stream has failed because more was needed.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.is_exceeded.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) {
        let left = self.0.bytes.load(Ordering::Relaxed);
        if left != usize::MAX {
            self.0.bytes.store(left.saturating_sub(bytes), Ordering::Relaxed);
        }
    }
}
