//! One file's way: what was remembered of it, its bytes, its confirm.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use draftstore_proto::Timestamp;

use super::source::Source;
use super::{MIN_MULTIPART, Uploaded, Uploader};
use crate::failure::Failure;
use crate::output::{Bytes, Output};
use crate::progress::Bar;
use crate::state::{Key, Memory, Phase, Record};

/// One file on its way.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) uploader: &'a Uploader<'a>,
    pub(super) source: Source,
    pub(super) object_name: String,
    pub(super) bar: Bar,
    pub(super) sent: AtomicU64,
    pub(super) resumed: AtomicU64,
    /// As it was given.
    file: String,
}

/// The draft that a file became.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) draft_id: Option<String>,
    pub(super) etag: String,
    pub(super) expires_at: Option<Timestamp>,
    /// The key that its confirm was begun with, where this is remembered from an earlier run.
    pub(super) confirm_begun: Option<String>,
}

impl<'a> Job<'a> {
    pub(super) fn new(uploader: &'a Uploader<'a>, file: &Path, source: Source, object_name: String) -> Self {
        let bar = uploader.context.output.progress.bar(&object_name, source.size());
        Self {
            uploader,
            source,
            object_name,
            bar,
            sent: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            file: file.display().to_string(),
        }
    }

    /// Goes it to its end.
    pub(super) async fn run(self) -> Result<Uploaded, Failure> {
        let ended = self.go().await;
        self.bar.end();
        ended
    }

    async fn go(&self) -> Result<Uploaded, Failure> {
        // A small upload without a confirm has nothing to remember.
        let memory = if self.in_parts() || self.uploader.options.confirm {
            Some(Memory::of(&self.key())?)
        } else {
            None
        };
        let recalled = match &memory {
            Some(memory) => self.resume(memory).await?,
            None => None,
        };
        let mut draft = match recalled {
            Some(draft) => draft,
            None => self.begin(memory.as_ref()).await?,
        };
        let mut confirmed = None;
        if let Some(memory) = &memory {
            if self.uploader.options.confirm {
                confirmed = Some(self.confirm(memory, &mut draft).await?);
            }
            memory.forget()?;
        }
        let bytes = |count: &AtomicU64| Bytes(count.load(Ordering::Relaxed).cast_signed());
        Ok(Uploaded {
            file: self.file.clone(),
            object_name: self.object_name.clone(),
            draft_id: draft.draft_id,
            etag: draft.etag,
            size: Bytes(self.source.size().cast_signed()),
            sent: bytes(&self.sent),
            resumed: bytes(&self.resumed),
            // A draft that was confirmed does not expire.
            expires_at: draft.expires_at.filter(|_| confirmed.is_none()),
            confirmed,
        })
    }

    /// Uploads from the first byte.
    pub(super) async fn begin(&self, memory: Option<&Memory>) -> Result<Stored, Failure> {
        match memory {
            Some(memory) if self.in_parts() => self.upload_in_parts(memory).await,
            _ => self.upload_at_once().await,
        }
    }

    fn in_parts(&self) -> bool {
        self.source.size() >= MIN_MULTIPART
    }

    pub(super) fn record(&self, phase: Phase) -> Record {
        Record {
            file: self.source.path.display().to_string(),
            object_name: self.object_name.clone(),
            stamp: self.source.stamp,
            phase,
        }
    }

    fn key(&self) -> Key {
        let options = &self.uploader.options;
        Key {
            server: self.uploader.server.url.clone(),
            file: self.source.path.clone(),
            object_name: self.object_name.clone(),
            unique: options.unique,
            content_type: options.content_type.clone(),
            metadata: options.metadata.iter().cloned().collect(),
        }
    }

    /// Tells something about this file.
    pub(super) fn notice(&self, message: &str) {
        self.output().notice(&format!("{}: {message}", self.file));
    }

    pub(super) fn output(&self) -> &Output {
        &self.uploader.context.output
    }
}
