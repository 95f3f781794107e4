//! The file to upload, with a check for changes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::state::FileStamp;
use crate::store::FileRange;

use super::parts::PartRange;

/// An open file.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// The canonical path.
    pub(super) path: PathBuf,
    pub(super) stamp: FileStamp,
    file: Arc<File>,
}

impl SourceFile {
    /// # Errors
    /// Returns an error if the file cannot be opened, or if it is not a regular file, which could not be read twice.
    pub(super) fn open(path: &Path) -> Result<Self, CommandError> {
        let failure = |error| CommandError::local_io("cannot read the file", &error);
        let path = path.canonicalize().map_err(failure)?;
        // Opening a pipe would block until its other end is opened.
        if !fs::metadata(&path).map_err(failure)?.is_file() {
            return Err(CommandError::new(
                "LOCAL_IO",
                Exit::Failed,
                "not a regular file: only regular files can be uploaded",
            ));
        }
        let file = File::open(&path).map_err(failure)?;
        let stamp = FileStamp::from_metadata(&file.metadata().map_err(failure)?);
        Ok(Self {
            path,
            stamp,
            file: Arc::new(file),
        })
    }

    /// # Errors
    /// Returns an error if the file has changed since it was opened, which makes the sent bytes useless.
    pub(super) fn check_unchanged(&self) -> Result<(), CommandError> {
        let now = fs::metadata(&self.path).map(|metadata| FileStamp::from_metadata(&metadata));
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
