//! Locks on files, so that only one process works on an upload.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::CommandError;
use crate::exit::Exit;

/// A lock file, removed on drop. The operating system releases the lock when the process ends.
#[derive(Debug)]
pub(super) struct LockFile {
    path: PathBuf,
    _file: File,
}

impl LockFile {
    /// Acquires the lock, or fails immediately if another process holds it. The error message names `what`.
    pub(super) fn acquire(path: PathBuf, what: &Path) -> Result<Self, CommandError> {
        loop {
            let failure = |error: &io::Error| CommandError::local_io(format!("cannot lock {}", path.display()), error);
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = file.map_err(|error| failure(&error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another draftctl process is uploading {}", what.display());
                    return Err(CommandError::new("BUSY", Exit::Busy, message));
                }
                Err(TryLockError::Error(error)) => return Err(failure(&error)),
            }
            // The previous holder may have removed the file between opening and locking it.
            let ours = file.metadata().map_err(|error| failure(&error))?;
            match fs::metadata(&path) {
                Ok(there) if there.ino() == ours.ino() && there.dev() == ours.dev() => {
                    return Ok(Self { path, _file: file });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failure(&error)),
            }
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // A remaining file is harmless.
        let _ = fs::remove_file(&self.path);
    }
}
