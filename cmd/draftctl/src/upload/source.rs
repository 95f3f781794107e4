//! The bytes to upload: a file with a check for changes, or the copy of a pipe.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::state::FileStamp;
use crate::store::FileRange;

use super::parts::PartRange;
use super::plan::Input;

/// An open file.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// The canonical path; `None` if the bytes are a copy that only this process has.
    pub(super) path: Option<PathBuf>,
    pub(super) stamp: FileStamp,
    file: Arc<File>,
}

impl SourceFile {
    /// Opens a file, or copies what a pipe gives to a temporary file, because it is read twice: to hash and to send it.
    ///
    /// # Errors
    /// Returns an error if the input cannot be read, or is neither a file nor a pipe.
    pub(super) async fn open(input: &Input) -> Result<Self, CommandError> {
        match input {
            Input::File(path) => Self::open_file(path),
            Input::Pipe(path) => {
                let path = path.clone();
                Self::copy(move || File::open(path)).await
            }
            Input::Stdin => Self::copy(|| Ok(io::stdin().lock())).await,
        }
    }

    fn open_file(path: &Path) -> Result<Self, CommandError> {
        let path = path.canonicalize().map_err(|error| read_failure(&error))?;
        // Opening a pipe would block until its other end is opened.
        if !fs::metadata(&path).map_err(|error| read_failure(&error))?.is_file() {
            return Err(CommandError::new(
                "LOCAL_IO",
                Exit::Failed,
                "not a regular file: devices, sockets, links to directories, and pipes in directories are not uploaded",
            ));
        }
        let file = File::open(&path).map_err(|error| read_failure(&error))?;
        Self::new(Some(path), file)
    }

    async fn copy<R: io::Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> Result<Self, CommandError> {
        let copied = spawn_blocking(move || {
            let mut from = open().map_err(|error| read_failure(&error))?;
            let failure = |error| {
                let directory = std::env::temp_dir();
                let what = format!(
                    "cannot copy to {} (set TMPDIR to another directory)",
                    directory.display()
                );
                CommandError::local_io(what, &error)
            };
            let mut file = tempfile::tempfile().map_err(failure)?;
            io::copy(&mut from, &mut file).map_err(failure)?;
            Self::new(None, file)
        });
        let stopped = |_| CommandError::new("INTERNAL", Exit::Failed, "the reading thread stopped unexpectedly");
        copied.await.map_err(stopped)?
    }

    fn new(path: Option<PathBuf>, file: File) -> Result<Self, CommandError> {
        let metadata = file.metadata().map_err(|error| read_failure(&error))?;
        Ok(Self {
            path,
            stamp: FileStamp::from_metadata(&metadata),
            file: Arc::new(file),
        })
    }

    /// # Errors
    /// Returns an error if the file has changed since it was opened, which makes the sent bytes useless.
    pub(super) fn check_unchanged(&self) -> Result<(), CommandError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let now = fs::metadata(path).map(|metadata| FileStamp::from_metadata(&metadata));
        if now.is_ok_and(|now| now == self.stamp) {
            return Ok(());
        }
        let message = "the file changed during the upload: upload it again when nothing writes to it";
        Err(CommandError::new("FILE_CHANGED", Exit::Failed, message))
    }

    pub(super) fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Returns the bytes of a part.
    pub(super) fn range(&self, part: PartRange) -> FileRange {
        FileRange {
            file: Arc::clone(&self.file),
            offset: part.offset,
            len: part.len,
        }
    }
}

fn read_failure(error: &io::Error) -> CommandError {
    CommandError::local_io("cannot read the file", error)
}
