//! The upload of one file: resuming, sending, and confirming.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use draftstore_proto::Timestamp;

use super::source::SourceFile;
use super::{MIN_MULTIPART, PlannedUpload, UploadResult, Uploader};
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
    /// The media type: the given one, or the one of the file name extension.
    pub(super) content_type: Option<String>,
    pub(super) bar: FileProgress,
    pub(super) sent: AtomicU64,
    pub(super) resumed: AtomicU64,
    /// The path as given on the command line, or found in a directory.
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
    pub(super) fn new(uploader: &'a Uploader<'a>, planned: &PlannedUpload, source: SourceFile) -> Self {
        let object_name = planned.object_name.clone();
        let file = planned.input.path();
        let bar = uploader.context.output.progress.bar(&object_name, source.size());
        let by_name = || mime_guess::from_path(file).first_raw();
        let by_object_name = || mime_guess::from_path(&object_name).first_raw();
        let guess = || by_name().or_else(by_object_name).map(str::to_owned);
        Self {
            uploader,
            content_type: uploader.options.content_type.clone().or_else(guess),
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
        let state_file = self.state_file()?;
        let mut draft = match self.resume(&state_file).await? {
            Some(draft) => draft,
            None => self.start(&state_file).await?,
        };
        let confirmed = if self.uploader.options.confirm {
            Some(self.confirm(&state_file, &mut draft).await?)
        } else {
            None
        };
        state_file.remove()?;
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
    pub(super) async fn start(&self, state_file: &StateFile) -> Result<UploadedDraft, CommandError> {
        if self.is_multipart() {
            self.upload_multipart(state_file).await
        } else {
            self.upload_single().await
        }
    }

    fn is_multipart(&self) -> bool {
        self.source.size() >= MIN_MULTIPART
    }

    pub(super) fn state(&self, phase: UploadPhase) -> UploadState {
        UploadState {
            file: self.file.clone(),
            object_name: self.object_name.clone(),
            stamp: self.source.stamp,
            phase,
        }
    }

    /// Returns the state of the upload. A small one without a confirm has nothing to store, and a copy cannot be resumed.
    fn state_file(&self) -> Result<StateFile, CommandError> {
        match &self.source.path {
            Some(path) if self.is_multipart() || self.uploader.options.confirm => {
                StateFile::open(&self.identity(path.clone()))
            }
            Some(_) | None => Ok(StateFile::none()),
        }
    }

    fn identity(&self, file: PathBuf) -> UploadIdentity {
        let options = &self.uploader.options;
        UploadIdentity {
            server: self.uploader.server.url.clone(),
            file,
            object_name: self.object_name.clone(),
            unique: options.unique,
            content_type: self.content_type.clone(),
            headers: options.headers.clone(),
            storage: options.storage.clone(),
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
