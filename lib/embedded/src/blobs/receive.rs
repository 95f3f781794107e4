//! Receiving: a stream becomes a synced file, with two blocks in memory. While one block is filled, the other is written
//! and hashed on two blocking threads, which take about equally long. Small bodies stay in memory, for the index.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::{S3Error, S3ErrorCode, S3Result, StdError, s3_error};
use tokio::task::JoinHandle;

use super::{BlobId, Blobs, MAX_INLINE, check_room};
use crate::credentials::{private_file, sync_dir};
use crate::error::{BackendError, stopped};
use crate::tasks::Tasks;

/// The size of a write, in bytes: large enough to amortize the calls, small enough for many concurrent uploads.
const BLOCK: usize = 512 * 1024;
/// The longest pause of a client before its upload fails.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// A body to receive, with its limits.
pub(crate) struct IncomingBody<S> {
    /// The bytes. An error in the stream fails the upload.
    pub(crate) body: S,
    /// The checksums to compute in addition to MD5.
    pub(crate) hasher: ChecksumHasher,
    /// The `Content-Length` of the request, in bytes, if it has one.
    pub(crate) expected_len: Option<u64>,
    /// The maximum size, in bytes.
    pub(crate) max_len: u64,
}

/// A received body that no record refers to yet.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) data: BlobData,
    pub(crate) len: u64,
    pub(crate) md5: [u8; 16],
    /// The checksums that the hasher computed, in base64.
    pub(crate) sums: s3s::dto::Checksum,
}

/// The storage of a received body.
#[derive(Debug)]
pub(crate) enum BlobData {
    /// A file, synced with its directory.
    File(PendingBlob),
    /// The bytes themselves: at most [`MAX_INLINE`], possibly none.
    Inline(Vec<u8>),
}

/// A blob that is removed on drop unless [`PendingBlob::keep`] was called, which follows the commit that refers to it.
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
    /// Receives a body into memory or into a new file, which is synced with its directory when this returns.
    ///
    /// # Errors
    /// Returns 400 if the stream breaks, stalls or ends early, `EntityTooLarge`, or 507 if the disk is full. The blob is
    /// then removed, as it is when the future is dropped.
    pub(crate) async fn receive<S>(self: &Arc<Self>, incoming: IncomingBody<S>) -> S3Result<Received>
    where
        S: Stream<Item = Result<Bytes, StdError>> + Unpin,
    {
        let IncomingBody {
            mut body,
            hasher,
            expected_len,
            max_len,
        } = incoming;
        if expected_len.is_some_and(|len| len > max_len) {
            return Err(too_large());
        }
        let mut receiver = ReceiveState::Idle(Idle {
            writer: Box::new(BlobWriter::new(self, expected_len.unwrap_or(0))),
            hashers: Box::new(Hashers {
                md5: Md5::new(),
                hasher,
            }),
        });
        let mut block = Vec::with_capacity(capacity(expected_len));
        let mut len = 0_u64;
        while let Some(chunk) = next_chunk(&mut body).await? {
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
                    let (idle, empty_block) = receiver.wait().await?;
                    receiver = idle.start_write(&self.tasks, std::mem::replace(&mut block, empty_block));
                }
            }
        }
        if expected_len.is_some_and(|expected| expected != len) {
            return Err(s3_error!(IncompleteBody));
        }
        let (idle, _) = receiver.wait().await?;
        if len <= MAX_INLINE {
            check_room(&self.root, len)?;
            return Ok(idle.finish_inline(block));
        }
        let (idle, _) = idle.start_last_write(&self.tasks, block).wait().await?;
        Ok(idle.finish_file())
    }
}

async fn next_chunk<S>(body: &mut S) -> S3Result<Option<Bytes>>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    match tokio::time::timeout(IDLE_LIMIT, body.next()).await {
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(error))) => Err(stream_error(error)),
        Ok(None) => Ok(None),
        Err(_) => Err(s3_error!(
            RequestTimeout,
            "No data arrived for {} seconds.",
            IDLE_LIMIT.as_secs()
        )),
    }
}

/// Returns the S3 error inside the stream's error, if there is one: for example, a wrong hash of a signed body.
fn stream_error(error: StdError) -> S3Error {
    match error.downcast::<S3Error>() {
        Ok(own) => *own,
        Err(error) => {
            let message = "The body ended early, or does not match its signature or encoding.";
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

/// The writer and the hashers of a body: idle, or busy with a block on blocking threads.
enum ReceiveState {
    Idle(Idle),
    Busy {
        writing: JoinHandle<Result<Box<BlobWriter>, BackendError>>,
        hashing: JoinHandle<Box<Hashers>>,
        block: Arc<Vec<u8>>,
    },
}

struct Idle {
    writer: Box<BlobWriter>,
    hashers: Box<Hashers>,
}

impl ReceiveState {
    /// Waits for the block being worked on. Returns an empty block as well, to fill next.
    async fn wait(self) -> S3Result<(Idle, Vec<u8>)> {
        match self {
            Self::Idle(idle) => Ok((idle, Vec::with_capacity(BLOCK))),
            Self::Busy {
                writing,
                hashing,
                block,
            } => {
                let (Ok(written), Ok(hashers)) = tokio::join!(writing, hashing) else {
                    return Err(stopped("a write"));
                };
                let writer = written.map_err(BackendError::into_s3_error)?;
                // Both tasks have dropped their clones.
                let mut empty_block = Arc::into_inner(block).unwrap_or_else(|| Vec::with_capacity(BLOCK));
                empty_block.clear();
                Ok((Idle { writer, hashers }, empty_block))
            }
        }
    }
}

impl Idle {
    fn start_write(self, tasks: &Tasks, block: Vec<u8>) -> ReceiveState {
        self.start(tasks, block, BlobWriter::write)
    }

    /// Writes the last block and syncs the file and its directory.
    fn start_last_write(self, tasks: &Tasks, block: Vec<u8>) -> ReceiveState {
        self.start(tasks, block, |writer, block| {
            writer.write(block)?;
            writer.sync()
        })
    }

    fn start(
        self,
        tasks: &Tasks,
        block: Vec<u8>,
        write: impl FnOnce(&mut BlobWriter, &[u8]) -> Result<(), BackendError> + Send + 'static,
    ) -> ReceiveState {
        let Self {
            mut writer,
            mut hashers,
        } = self;
        let block = Arc::new(block);
        let (to_write, to_hash) = (Arc::clone(&block), Arc::clone(&block));
        ReceiveState::Busy {
            writing: tasks.spawn_blocking(move || write(&mut writer, &to_write).map(|()| writer)),
            hashing: tasks.spawn_blocking(move || {
                hashers.update(&to_hash);
                hashers
            }),
            block,
        }
    }

    fn finish_file(self) -> Received {
        let BlobWriter { blob, len, .. } = *self.writer;
        self.hashers.finish(BlobData::File(blob), len)
    }

    /// Finishes a body that was not written to a file. Hashing it here takes less time than handing it to a thread.
    fn finish_inline(mut self, whole: Vec<u8>) -> Received {
        // No file was created, so there is none to remove.
        self.writer.blob.keep();
        self.hashers.update(&whole);
        let len = whole.len() as u64;
        self.hashers.finish(BlobData::Inline(whole), len)
    }
}

struct Hashers {
    md5: Md5,
    hasher: ChecksumHasher,
}

impl Hashers {
    fn update(&mut self, block: &[u8]) {
        self.md5.update(block);
        self.hasher.update(block);
    }

    fn finish(self, data: BlobData, len: u64) -> Received {
        Received {
            data,
            len,
            md5: self.md5.finalize(),
            sums: self.hasher.finalize(),
        }
    }
}

struct BlobWriter {
    blob: PendingBlob,
    file: Option<File>,
    len: u64,
    expected_len: u64,
}

impl BlobWriter {
    fn new(blobs: &Arc<Blobs>, expected_len: u64) -> Self {
        let blob = PendingBlob {
            id: BlobId::random(),
            blobs: Arc::clone(blobs),
            kept: false,
        };
        Self {
            blob,
            file: None,
            len: 0,
            expected_len,
        }
    }

    fn file(&mut self) -> Result<&mut File, BackendError> {
        if let Some(ref mut file) = self.file {
            return Ok(file);
        }
        check_room(&self.blob.blobs.root, self.expected_len)?;
        let path = self.blob.blobs.path(self.blob.id);
        let file = private_file().write(true).create_new(true).open(path)?;
        Ok(self.file.insert(file))
    }

    fn write(&mut self, block: &[u8]) -> Result<(), BackendError> {
        self.file()?.write_all(block)?;
        self.len += block.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), BackendError> {
        self.file()?.sync_all()?;
        sync_dir(&self.blob.blobs.shard_dir(self.blob.id))?;
        Ok(())
    }
}
