//! Large files: created, sent in parts, and completed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::Ordering;

use draftstore_proto::v1::{CompleteMultipartUploadRequest, CompletedPart, CreateMultipartUploadRequest, UploadedPart};
use futures::stream::FuturesUnordered;
use futures::{StreamExt as _, stream};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::file_upload::{FileUpload, UploadedDraft};
use super::hash::{HashedPart, hash};
use super::parts::{StartedUpload, part_size, parts};
use super::sign::ReadyPart;
use crate::client::GrpcClient;
use crate::error::CommandError;
use crate::state::{StateFile, UploadPhase};

/// The maximum number of parts in one call that signs URLs.
const MAX_PARTS_PER_CALL: usize = 100;

/// The ETags of the parts that have arrived, by part number.
type PartEtags = RefCell<BTreeMap<i32, String>>;

impl FileUpload<'_> {
    /// Uploads the file from its first byte.
    pub(super) async fn upload_multipart(&self, state_file: &StateFile) -> Result<UploadedDraft, CommandError> {
        let options = &self.uploader.options;
        let headers = options.headers.clone();
        let request = CreateMultipartUploadRequest {
            object_name: self.object_name.clone(),
            content_type: self.content_type.clone(),
            content_length: Some(self.source.size().cast_signed()),
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            expires: headers.expires,
            storage_options: options.storage.message(),
            metadata: options.metadata.iter().cloned().collect(),
            unique: options.unique,
            draft_lifetime: None,
            part_checksums: true,
            part_size: None,
        };
        let create = async |mut client: GrpcClient, request| client.create_multipart_upload(request).await;
        let created = self.uploader.server.call(self.output(), request, create).await?;
        let upload = StartedUpload {
            upload_id: created.upload_id,
            draft_id: created.draft_id,
            part_size: part_size(created.part_size)?,
            arrived: BTreeMap::new(),
        };
        state_file.save(&self.state(UploadPhase::Uploading {
            upload_id: upload.upload_id.clone(),
            draft_id: upload.draft_id.clone(),
        }))?;
        self.send_parts(state_file, upload).await
    }

    /// Sends the missing parts, and completes the upload.
    pub(super) async fn send_parts(
        &self,
        state_file: &StateFile,
        upload: StartedUpload,
    ) -> Result<UploadedDraft, CommandError> {
        let arrived = PartEtags::default();
        let (ready, ready_parts) = channel(self.uploader.options.parallel.get());
        let (prepared, sent) = futures::join!(
            self.prepare(&upload, ready, &arrived),
            self.send_all(&upload, ready_parts, &arrived)
        );
        sent.and(prepared)?;
        self.source.check_unchanged()?;
        state_file.save(&self.state(UploadPhase::Completing {
            upload_id: upload.upload_id.clone(),
            draft_id: upload.draft_id.clone(),
        }))?;
        let parts = arrived.into_inner().into_iter();
        let parts = parts.map(|(part_number, etag)| CompletedPart { part_number, etag });
        self.complete(upload.upload_id, upload.draft_id, parts.collect()).await
    }

    /// Completes the upload with `parts`, which is empty if it may already be completed.
    pub(super) async fn complete(
        &self,
        upload_id: String,
        draft_id: Option<String>,
        parts: Vec<CompletedPart>,
    ) -> Result<UploadedDraft, CommandError> {
        let request = CompleteMultipartUploadRequest {
            object_name: self.object_name.clone(),
            draft_id,
            upload_id,
            parts,
        };
        let complete = async |mut client: GrpcClient, request| client.complete_multipart_upload(request).await;
        let completed = self.uploader.server.call(self.output(), request, complete).await?;
        Ok(UploadedDraft {
            draft_id: completed.draft_id,
            etag: completed.etag,
            expires_at: completed.expires_at,
            confirm_key: None,
        })
    }

    /// Hashes the parts ahead of sending, skips those that have arrived, and requests URLs for the others. One call covers
    /// all parts that are hashed by then.
    async fn prepare(
        &self,
        upload: &StartedUpload,
        ready: Sender<ReadyPart>,
        arrived: &PartEtags,
    ) -> Result<(), CommandError> {
        let hashed = stream::iter(parts(self.source.size(), upload.part_size))
            .map(|part| hash(&self.source, part, &self.uploader.hash_permits))
            .buffered(self.uploader.options.parallel.get())
            .ready_chunks(MAX_PARTS_PER_CALL);
        let mut hashed = pin!(hashed);
        while let Some(batch) = hashed.next().await {
            let mut missing = Vec::new();
            for hashed in batch {
                let hashed = hashed?;
                match has_arrived(&hashed, &upload.arrived) {
                    Some(etag) => {
                        arrived.borrow_mut().insert(hashed.part.number, etag);
                        self.resumed.fetch_add(hashed.part.len, Ordering::Relaxed);
                        self.bar.skip(hashed.part.len);
                    }
                    None => missing.push(hashed),
                }
            }
            for part in self.sign(upload, missing).await? {
                if ready.send(part).await.is_err() {
                    // Sending has failed, and reports the error.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sends the signed parts concurrently. After an error it starts no more, and finishes those in progress.
    async fn send_all(
        &self,
        upload: &StartedUpload,
        mut ready: Receiver<ReadyPart>,
        arrived: &PartEtags,
    ) -> Result<(), CommandError> {
        let max_concurrent = self.uploader.options.parallel.get();
        let mut sending = FuturesUnordered::new();
        let mut result = Ok(());
        loop {
            tokio::select! {
                Some(sent) = sending.next() => match sent {
                    Ok((number, etag)) => {
                        arrived.borrow_mut().insert(number, etag);
                    }
                    Err(failure) => {
                        ready.close();
                        result = result.and(Err(failure));
                    }
                },
                Some(part) = ready.recv(), if sending.len() < max_concurrent && result.is_ok() => {
                    sending.push(self.send_part(upload, part));
                }
                else => return result,
            }
        }
    }

    async fn send_part(&self, upload: &StartedUpload, mut ready: ReadyPart) -> Result<(i32, String), CommandError> {
        let _permit = self.send_permit().await?;
        let mut retries = self.uploader.context.retries();
        loop {
            if let Some(etag) = self.send(ready.put(self), &mut retries).await? {
                return Ok((ready.hashed.part.number, etag));
            }
            let signed = self.sign(upload, vec![ready.hashed]).await?;
            ready = signed
                .into_iter()
                .next()
                .ok_or_else(|| CommandError::unexpected_response("the server did not sign the part"))?;
        }
    }
}

/// Returns the ETag of a part that has arrived with the same size and SHA-256, and need not be sent.
fn has_arrived(hashed: &HashedPart, arrived: &BTreeMap<i32, UploadedPart>) -> Option<String> {
    let existing = arrived.get(&hashed.part.number)?;
    let same_size = existing.size == hashed.part.len.cast_signed();
    let same_bytes = existing.checksum_sha256.as_ref() == Some(&hashed.checksum);
    (same_size && same_bytes).then(|| existing.etag.clone())
}
