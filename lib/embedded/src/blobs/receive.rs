//! Bytes coming in: a stream becomes a synced file, hashed on the way, with two blocks of memory and no more.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::{S3Error, S3ErrorCode, S3Result, StdError, s3_error};
use tokio::task::JoinHandle;

use super::{BlobId, Blobs, check_room};
use crate::credentials::sync_dir;
use crate::failure::{Failure, gone};

/// What is handed to the disk at once: large enough that calls do not count, small enough for many uploads. Bytes.
const BLOCK: usize = 512 * 1024;
/// A client that sends nothing for so long is gone.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// A body to receive, and what it must come to.
pub(crate) struct Incoming<S> {
    /// The bytes; an error in the stream is a failed upload.
    pub(crate) body: S,
    /// Which checksums to compute besides MD5.
    pub(crate) hasher: ChecksumHasher,
    /// What the client said it would send, in bytes, where it did.
    pub(crate) expected_len: Option<u64>,
    /// The most that is accepted, in bytes.
    pub(crate) max_len: u64,
}

/// A whole blob on disk that no record refers to yet; nothing to be of use where `len` is 0.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) blob: PendingBlob,
    pub(crate) len: u64,
    pub(crate) md5: [u8; 16],
    /// What the hasher was asked for, in base64.
    pub(crate) sums: s3s::dto::Checksum,
}

/// A blob that goes away again unless [`PendingBlob::keep`] is called, after the commit that refers to it.
#[derive(Debug)]
pub(crate) struct PendingBlob {
    id: BlobId,
    blobs: Arc<Blobs>,
    kept: bool,
}

impl PendingBlob {
    pub(crate) fn id(&self) -> BlobId {
        self.id
    }

    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for PendingBlob {
    fn drop(&mut self) {
        if !self.kept {
            self.blobs.discard([self.id]);
        }
    }
}

impl Blobs {
    /// Streams `incoming` into a new blob, on disk with its directory when this returns.
    ///
    /// # Errors
    /// 400 when the stream breaks, stalls or ends early; `EntityTooLarge`; 507 when the disk is full. The blob
    /// is then gone, as it is when the future is dropped.
    pub(crate) async fn receive<S>(self: &Arc<Self>, incoming: Incoming<S>) -> S3Result<Received>
    where
        S: Stream<Item = Result<Bytes, StdError>> + Unpin,
    {
        let Incoming {
            mut body,
            hasher,
            expected_len,
            max_len,
        } = incoming;
        if expected_len.is_some_and(|len| len > max_len) {
            return Err(too_large());
        }
        let mut sink = Busy::Idle(Box::new(Sink::new(self, hasher, expected_len.unwrap_or(0))));
        let mut block = Vec::with_capacity(capacity(expected_len));
        let mut len = 0_u64;
        while let Some(chunk) = next(&mut body).await? {
            len += chunk.len() as u64;
            if len > max_len {
                return Err(too_large());
            }
            let mut chunk = &chunk[..];
            while !chunk.is_empty() {
                let (head, tail) = chunk.split_at(chunk.len().min(BLOCK - block.len()));
                block.extend_from_slice(head);
                chunk = tail;
                if block.len() == BLOCK {
                    let (idle, spare) = sink.wait().await?;
                    sink = Busy::writing(self, idle, std::mem::replace(&mut block, spare));
                }
            }
        }
        if expected_len.is_some_and(|expected| expected != len) {
            return Err(s3_error!(IncompleteBody));
        }
        let (idle, _) = sink.wait().await?;
        self.tasks.blocking(move || idle.finish(&block)).await
    }
}

async fn next<S>(body: &mut S) -> S3Result<Option<Bytes>>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    match tokio::time::timeout(IDLE_LIMIT, body.next()).await {
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(error))) => Err(broken(error)),
        Ok(None) => Ok(None),
        Err(_) => Err(s3_error!(
            RequestTimeout,
            "The client sent nothing for {} seconds.",
            IDLE_LIMIT.as_secs()
        )),
    }
}

/// The stream's own S3 error where it has one (the signed hash of the body does not match, say).
fn broken(error: StdError) -> S3Error {
    match error.downcast::<S3Error>() {
        Ok(own) => *own,
        Err(error) => {
            let message = "The body broke off, or is not what its signature or encoding says.";
            let mut answer = S3Error::with_message(S3ErrorCode::IncompleteBody, message);
            answer.set_source(error);
            answer
        }
    }
}

fn too_large() -> S3Error {
    s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size.")
}

fn capacity(expected_len: Option<u64>) -> usize {
    expected_len
        .and_then(|len| usize::try_from(len).ok())
        .map_or(BLOCK, |len| len.min(BLOCK))
}

/// The file being written: idle here, or on its way through a blocking thread together with the block it writes.
enum Busy {
    Idle(Box<Sink>),
    Writing(JoinHandle<Result<Written, Failure>>),
}

/// The file, idle again, and an empty block to fill next.
type Written = (Box<Sink>, Vec<u8>);

impl Busy {
    fn writing(blobs: &Blobs, mut sink: Box<Sink>, mut block: Vec<u8>) -> Self {
        Self::Writing(blobs.tasks.start_blocking(move || {
            sink.write(&block)?;
            block.clear();
            Ok((sink, block))
        }))
    }

    async fn wait(self) -> S3Result<Written> {
        match self {
            Self::Idle(sink) => Ok((sink, Vec::with_capacity(BLOCK))),
            Self::Writing(task) => match task.await {
                Ok(done) => done.map_err(Failure::into_s3_error),
                Err(_) => Err(gone("a write")),
            },
        }
    }
}

struct Sink {
    blob: PendingBlob,
    file: Option<File>,
    len: u64,
    md5: Md5,
    hasher: ChecksumHasher,
    announced_len: u64,
}

impl Sink {
    fn new(blobs: &Arc<Blobs>, hasher: ChecksumHasher, announced_len: u64) -> Self {
        let blob = PendingBlob {
            id: BlobId::random(),
            blobs: Arc::clone(blobs),
            kept: false,
        };
        Self {
            blob,
            file: None,
            len: 0,
            md5: Md5::new(),
            hasher,
            announced_len,
        }
    }

    fn file(&mut self) -> Result<&mut File, Failure> {
        if let Some(ref mut file) = self.file {
            return Ok(file);
        }
        check_room(&self.blob.blobs.root, self.announced_len)?;
        let path = self.blob.blobs.path(self.blob.id);
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(self.file.insert(file))
    }

    fn write(&mut self, block: &[u8]) -> Result<(), Failure> {
        self.file()?.write_all(block)?;
        self.md5.update(block);
        self.hasher.update(block);
        self.len += block.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>, rest: &[u8]) -> Result<Received, Failure> {
        if !rest.is_empty() {
            self.write(rest)?;
        }
        // An empty object needs no file.
        if let Some(ref file) = self.file {
            file.sync_all()?;
            sync_dir(&self.blob.blobs.shard_dir(self.blob.id))?;
        }
        let Self {
            blob, len, md5, hasher, ..
        } = *self;
        Ok(Received {
            blob,
            len,
            md5: md5.finalize(),
            sums: hasher.finalize(),
        })
    }
}
