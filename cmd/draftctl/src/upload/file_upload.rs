//! The upload of one file: resuming, sending, and confirming.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use draftstore_proto::Timestamp;

use super::source::SourceFile;
use super::{MIN_MULTIPART, UploadResult, Uploader};
use crate::error::CommandError;
use crate::output::{JsonBytes, Output};
use crate::progress::FileProgress;
use crate::state::{StateFile, UploadIdentity, UploadPhase, UploadState};

/// The upload of one file.
#[derive(Debug)]
pub(super) struct FileUpload<'a> {
    pub(super) uploader: &'a Uploader<'a>,
    pub(super) source: SourceFile,
    pub(super) object_name: String,
    pub(super) bar: FileProgress,
    pub(super) sent: AtomicU64,
    pub(super) resumed: AtomicU64,
    /// The path as given on the command line.
    file: String,
}

/// An uploaded draft.
#[derive(Debug, Clone)]
pub(super) struct UploadedDraft {
    pub(super) draft_id: Option<String>,
    pub(super) etag: String,
    pub(super) expires_at: Option<Timestamp>,
    /// The idempotency key of its confirm, if an earlier run started one.
    pub(super) confirm_key: Option<String>,
}

impl<'a> FileUpload<'a> {
    pub(super) fn new(uploader: &'a Uploader<'a>, file: &Path, source: SourceFile, object_name: String) -> Self {
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

    /// Runs the upload to completion.
    pub(super) async fn run(self) -> Result<UploadResult, CommandError> {
        let result = self.run_steps().await;
        self.bar.finish();
        result
    }

    async fn run_steps(&self) -> Result<UploadResult, CommandError> {
        // A small upload without a confirm has no state to store.
        let state_file = if self.is_multipart() || self.uploader.options.confirm {
            Some(StateFile::open(&self.identity())?)
        } else {
            None
        };
        let resumed_draft = match &state_file {
            Some(state_file) => self.resume(state_file).await?,
            None => None,
        };
        let mut draft = match resumed_draft {
            Some(draft) => draft,
            None => self.start(state_file.as_ref()).await?,
        };
        let mut confirmed = None;
        if let Some(state_file) = &state_file {
            if self.uploader.options.confirm {
                confirmed = Some(self.confirm(state_file, &mut draft).await?);
            }
            state_file.remove()?;
        }
        let bytes = |count: &AtomicU64| JsonBytes(count.load(Ordering::Relaxed).cast_signed());
        Ok(UploadResult {
            file: self.file.clone(),
            object_name: self.object_name.clone(),
            draft_id: draft.draft_id,
            etag: draft.etag,
            size: JsonBytes(self.source.size().cast_signed()),
            sent: bytes(&self.sent),
            resumed: bytes(&self.resumed),
            // A confirmed draft does not expire.
            expires_at: draft.expires_at.filter(|_| confirmed.is_none()),
            confirmed,
        })
    }

    /// Uploads the file from its first byte.
    pub(super) async fn start(&self, state_file: Option<&StateFile>) -> Result<UploadedDraft, CommandError> {
        match state_file {
            Some(state_file) if self.is_multipart() => self.upload_multipart(state_file).await,
            _ => self.upload_single().await,
        }
    }

    fn is_multipart(&self) -> bool {
        self.source.size() >= MIN_MULTIPART
    }

    pub(super) fn state(&self, phase: UploadPhase) -> UploadState {
        UploadState {
            file: self.source.path.display().to_string(),
            object_name: self.object_name.clone(),
            stamp: self.source.stamp,
            phase,
        }
    }

    fn identity(&self) -> UploadIdentity {
        let options = &self.uploader.options;
        UploadIdentity {
            server: self.uploader.server.url.clone(),
            file: self.source.path.clone(),
            object_name: self.object_name.clone(),
            unique: options.unique,
            content_type: options.content_type.clone(),
            metadata: options.metadata.iter().cloned().collect(),
        }
    }

    /// Prints a notice about this file.
    pub(super) fn notice(&self, message: &str) {
        self.output().notice(&format!("{}: {message}", self.file));
    }

    pub(super) fn output(&self) -> &Output {
        &self.uploader.context.output
    }
}
