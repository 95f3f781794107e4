//! One process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::failure::Failure;

/// A lock on a file that goes with it. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes it, or fails at once. `what` is for the message.
    pub(super) fn take(path: PathBuf, what: &Path) -> Result<Self, Failure> {
        loop {
            let failure = |error: &io::Error| Failure::local(format!("the lock {}", path.display()), error);
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = file.map_err(|error| failure(&error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another draftctl is uploading {}", what.display());
                    return Err(Failure::new("BUSY", Exit::Busy, message));
                }
                Err(TryLockError::Error(error)) => return Err(failure(&error)),
            }
            // Whoever had it may have removed the file between our opening it and our locking it.
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

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays is in nobody's way.
        let _ = fs::remove_file(&self.path);
    }
}
