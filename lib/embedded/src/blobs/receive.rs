//! Bytes coming in: a stream becomes a synced file, with two blocks of memory and no more. While one is filled, the other is
//! written and hashed, on a thread each: either takes about as long. What is small stays in memory, for the index.

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

use super::{BlobId, Blobs, MAX_SMALL, check_room};
use crate::credentials::sync_dir;
use crate::failure::{Failure, gone};
use crate::tasks::Tasks;

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

/// A whole body that no record refers to yet.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) place: Place,
    pub(crate) len: u64,
    pub(crate) md5: [u8; 16],
    /// What the hasher was asked for, in base64.
    pub(crate) sums: s3s::dto::Checksum,
}

/// Where a body is.
#[derive(Debug)]
pub(crate) enum Place {
    /// On disk, with its directory.
    File(PendingBlob),
    /// Nowhere but here: no more than [`MAX_SMALL`], perhaps nothing at all.
    Memory(Vec<u8>),
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
    /// Streams `incoming` into a new blob, on disk with its directory when this returns, or into memory.
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
        let mut sink = Busy::Idle(Idle {
            sink: Box::new(Sink::new(self, expected_len.unwrap_or(0))),
            hashes: Box::new(Hashes {
                md5: Md5::new(),
                hasher,
            }),
        });
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
                    sink = idle.take_on(&self.tasks, std::mem::replace(&mut block, spare));
                }
            }
        }
        if expected_len.is_some_and(|expected| expected != len) {
            return Err(s3_error!(IncompleteBody));
        }
        let (idle, _) = sink.wait().await?;
        if len <= MAX_SMALL {
            check_room(&self.root, len)?;
            return Ok(idle.keep_in_memory(block));
        }
        let (idle, _) = idle.take_last(&self.tasks, block).wait().await?;
        Ok(idle.into_received())
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

/// The file and the hashes of a body: here, or on their way through blocking threads together with a block.
enum Busy {
    Idle(Idle),
    Working {
        writing: JoinHandle<Result<Box<Sink>, Failure>>,
        hashing: JoinHandle<Box<Hashes>>,
        block: Arc<Vec<u8>>,
    },
}

struct Idle {
    sink: Box<Sink>,
    hashes: Box<Hashes>,
}

impl Busy {
    /// Gives an empty block as well, to fill next.
    async fn wait(self) -> S3Result<(Idle, Vec<u8>)> {
        match self {
            Self::Idle(idle) => Ok((idle, Vec::with_capacity(BLOCK))),
            Self::Working {
                writing,
                hashing,
                block,
            } => {
                let (Ok(written), Ok(hashes)) = tokio::join!(writing, hashing) else {
                    return Err(gone("a write"));
                };
                let sink = written.map_err(Failure::into_s3_error)?;
                // Both have let go of it.
                let mut spare = Arc::into_inner(block).unwrap_or_else(|| Vec::with_capacity(BLOCK));
                spare.clear();
                Ok((Idle { sink, hashes }, spare))
            }
        }
    }
}

impl Idle {
    fn take_on(self, tasks: &Tasks, block: Vec<u8>) -> Busy {
        self.work(tasks, block, Sink::write)
    }

    /// The same, after which everything is on disk.
    fn take_last(self, tasks: &Tasks, block: Vec<u8>) -> Busy {
        self.work(tasks, block, |sink, block| {
            sink.write(block)?;
            sink.sync()
        })
    }

    fn work(
        self,
        tasks: &Tasks,
        block: Vec<u8>,
        write: impl FnOnce(&mut Sink, &[u8]) -> Result<(), Failure> + Send + 'static,
    ) -> Busy {
        let Self { mut sink, mut hashes } = self;
        let block = Arc::new(block);
        let (to_write, to_hash) = (Arc::clone(&block), Arc::clone(&block));
        Busy::Working {
            writing: tasks.start_blocking(move || write(&mut sink, &to_write).map(|()| sink)),
            hashing: tasks.start_blocking(move || {
                hashes.update(&to_hash);
                hashes
            }),
            block,
        }
    }

    fn into_received(self) -> Received {
        let Sink { blob, len, .. } = *self.sink;
        self.hashes.received(Place::File(blob), len)
    }

    /// For what was not written to the file. Hashing so little takes less time than to hand it to another thread.
    fn keep_in_memory(mut self, whole: Vec<u8>) -> Received {
        // There is no file that would have to go.
        self.sink.blob.keep();
        self.hashes.update(&whole);
        let len = whole.len() as u64;
        self.hashes.received(Place::Memory(whole), len)
    }
}

struct Hashes {
    md5: Md5,
    hasher: ChecksumHasher,
}

impl Hashes {
    fn update(&mut self, block: &[u8]) {
        self.md5.update(block);
        self.hasher.update(block);
    }

    fn received(self, place: Place, len: u64) -> Received {
        Received {
            place,
            len,
            md5: self.md5.finalize(),
            sums: self.hasher.finalize(),
        }
    }
}

struct Sink {
    blob: PendingBlob,
    file: Option<File>,
    len: u64,
    announced_len: u64,
}

impl Sink {
    fn new(blobs: &Arc<Blobs>, announced_len: u64) -> Self {
        let blob = PendingBlob {
            id: BlobId::random(),
            blobs: Arc::clone(blobs),
            kept: false,
        };
        Self {
            blob,
            file: None,
            len: 0,
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
        self.len += block.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.file()?.sync_all()?;
        sync_dir(&self.blob.blobs.shard_dir(self.blob.id))?;
        Ok(())
    }
}
