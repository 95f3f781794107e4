//! A large file: begun, sent in parts, completed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::Ordering;

use draftstore_proto::v1::{CompleteMultipartUploadRequest, CompletedPart, CreateMultipartUploadRequest, UploadedPart};
use futures::stream::FuturesUnordered;
use futures::{StreamExt as _, stream};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::hash::{Hashed, hash};
use super::job::{Job, Stored};
use super::parts::parts;
use super::sign::Ready;
use crate::failure::Failure;
use crate::server::Stub;
use crate::state::{Memory, Phase};

/// Parts in one call for URLs, at most.
const SIGN_AT_ONCE: usize = 100;

/// An upload in parts that has begun.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    pub(super) upload_id: String,
    pub(super) draft_id: Option<String>,
    pub(super) part_size: u64,
    /// What had arrived before this run, by part number.
    pub(super) arrived: BTreeMap<i32, UploadedPart>,
}

/// `ETag`s by part number.
type Arrived = RefCell<BTreeMap<i32, String>>;

impl Job<'_> {
    /// From the first byte.
    pub(super) async fn upload_in_parts(&self, memory: &Memory) -> Result<Stored, Failure> {
        let options = &self.uploader.options;
        let request = CreateMultipartUploadRequest {
            object_name: self.object_name.clone(),
            content_type: options.content_type.clone(),
            content_length: Some(self.source.size().cast_signed()),
            metadata: options.metadata.iter().cloned().collect(),
            unique: options.unique,
            draft_lifetime: None,
            part_checksums: true,
        };
        let create = async |mut stub: Stub, request| stub.create_multipart_upload(request).await;
        let created = self.uploader.server.call(self.output(), request, create).await?;
        let begun = Begun {
            upload_id: created.upload_id,
            draft_id: created.draft_id,
            part_size: part_size(created.part_size)?,
            arrived: BTreeMap::new(),
        };
        memory.keep(&self.record(Phase::Uploading {
            upload_id: begun.upload_id.clone(),
            draft_id: begun.draft_id.clone(),
        }))?;
        self.send_parts(memory, begun).await
    }

    /// Sends the parts that have not arrived, and completes.
    pub(super) async fn send_parts(&self, memory: &Memory, begun: Begun) -> Result<Stored, Failure> {
        let arrived = Arrived::default();
        let (ready, to_send) = channel(self.uploader.options.parallel.get());
        let (prepared, sent) = futures::join!(
            self.prepare(&begun, ready, &arrived),
            self.send_all(&begun, to_send, &arrived)
        );
        sent.and(prepared)?;
        self.source.check_unchanged()?;
        memory.keep(&self.record(Phase::Completing {
            upload_id: begun.upload_id.clone(),
            draft_id: begun.draft_id.clone(),
        }))?;
        let parts = arrived.into_inner().into_iter();
        let parts = parts.map(|(part_number, etag)| CompletedPart { part_number, etag });
        self.complete(begun.upload_id, begun.draft_id, parts.collect()).await
    }

    /// Makes a draft of these parts; of none when it may be one already.
    pub(super) async fn complete(
        &self,
        upload_id: String,
        draft_id: Option<String>,
        parts: Vec<CompletedPart>,
    ) -> Result<Stored, Failure> {
        let request = CompleteMultipartUploadRequest {
            object_name: self.object_name.clone(),
            draft_id,
            upload_id,
            parts,
        };
        let complete = async |mut stub: Stub, request| stub.complete_multipart_upload(request).await;
        let completed = self.uploader.server.call(self.output(), request, complete).await?;
        Ok(Stored {
            draft_id: completed.draft_id,
            etag: completed.etag,
            expires_at: completed.expires_at,
            confirm_begun: None,
        })
    }

    /// Hashes part after part, ahead of the sending, leaves out what has arrived, and has the rest signed: whatever is
    /// hashed by then in one call.
    async fn prepare(&self, begun: &Begun, ready: Sender<Ready>, arrived: &Arrived) -> Result<(), Failure> {
        let hashed = stream::iter(parts(self.source.size(), begun.part_size))
            .map(|part| hash(&self.source, part, &self.uploader.hashing))
            .buffered(self.uploader.options.parallel.get())
            .ready_chunks(SIGN_AT_ONCE);
        let mut hashed = pin!(hashed);
        while let Some(batch) = hashed.next().await {
            let mut missing = Vec::new();
            for hashed in batch {
                let hashed = hashed?;
                match has_arrived(&hashed, &begun.arrived) {
                    Some(etag) => {
                        arrived.borrow_mut().insert(hashed.part.number, etag);
                        self.resumed.fetch_add(hashed.part.len, Ordering::Relaxed);
                        self.bar.was_there(hashed.part.len);
                    }
                    None => missing.push(hashed),
                }
            }
            for part in self.sign(begun, missing).await? {
                if ready.send(part).await.is_err() {
                    // Sending has failed, and says why.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sends what is ready, several at a time. After a failure nothing new is begun, and what is on its way arrives.
    async fn send_all(&self, begun: &Begun, mut ready: Receiver<Ready>, arrived: &Arrived) -> Result<(), Failure> {
        let at_once = self.uploader.options.parallel.get();
        let mut sending = FuturesUnordered::new();
        let mut failed = Ok(());
        loop {
            tokio::select! {
                Some(sent) = sending.next() => match sent {
                    Ok((number, etag)) => {
                        arrived.borrow_mut().insert(number, etag);
                    }
                    Err(failure) => {
                        ready.close();
                        failed = failed.and(Err(failure));
                    }
                },
                Some(part) = ready.recv(), if sending.len() < at_once && failed.is_ok() => {
                    sending.push(self.send_part(begun, part));
                }
                else => return failed,
            }
        }
    }

    async fn send_part(&self, begun: &Begun, mut ready: Ready) -> Result<(i32, String), Failure> {
        let _turn = self.turn().await?;
        let mut retries = self.uploader.context.retries();
        loop {
            if let Some(etag) = self.send(ready.put(self), &mut retries).await? {
                return Ok((ready.hashed.part.number, etag));
            }
            let signed = self.sign(begun, vec![ready.hashed]).await?;
            ready = signed
                .into_iter()
                .next()
                .ok_or_else(|| Failure::nonsense("no part was signed"))?;
        }
    }
}

/// The `ETag` of a part that need not be sent: what has arrived has its size and its SHA-256.
fn has_arrived(hashed: &Hashed, arrived: &BTreeMap<i32, UploadedPart>) -> Option<String> {
    let there = arrived.get(&hashed.part.number)?;
    let same_size = there.size == hashed.part.len.cast_signed();
    let same_bytes = there.checksum_sha256.as_ref() == Some(&hashed.checksum);
    (same_size && same_bytes).then(|| there.etag.clone())
}

/// # Errors
/// When it is no size.
pub(super) fn part_size(answered: i64) -> Result<u64, Failure> {
    let size = u64::try_from(answered).ok().filter(|size| *size > 0);
    size.ok_or_else(|| Failure::nonsense(format!("the server says that parts have {answered} bytes")))
}
