//! The partially downloaded file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::ObjectVersion;
use super::destination::already_exists;
use crate::error::CommandError;
use crate::exit::Exit;

/// A file next to the target, named after the ETag of the version it belongs to.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
    pub(super) file: File,
    /// The number of bytes in the file.
    pub(super) len: u64,
}

impl PartialFile {
    /// Opens the partial file of an earlier run, or creates it.
    ///
    /// # Errors
    /// Returns an error if another process is downloading to it, or if it cannot be written.
    pub(super) fn open(target: &Path, version: &ObjectVersion) -> Result<Self, CommandError> {
        let mut name = target.as_os_str().to_owned();
        let etag = version.etag.chars();
        let etag: String = etag.map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        name.push(format!(".{etag}.part"));
        let path = PathBuf::from(name);
        let failure = |error: &io::Error| CommandError::local_io(format!("cannot write {}", path.display()), error);
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        let file = opened.map_err(|error| failure(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another draftctl process is downloading {}", target.display());
                return Err(CommandError::new("BUSY", Exit::Busy, message));
            }
            Err(TryLockError::Error(error)) => return Err(failure(&error)),
        }
        let len = file.metadata().map_err(|error| failure(&error))?.len();
        let mut partial = Self { path, file, len };
        if partial.len > version.size {
            partial.restart()?;
        }
        Ok(partial)
    }

    /// Discards the bytes received so far.
    pub(super) fn restart(&mut self) -> Result<(), CommandError> {
        self.file.set_len(0).map_err(|error| self.failure(&error))?;
        self.len = 0;
        Ok(())
    }

    /// Renames the partial file to the target.
    pub(super) fn finish(self, target: &Path, force: bool) -> Result<(), CommandError> {
        self.file.sync_all().map_err(|error| self.failure(&error))?;
        if force {
            return fs::rename(&self.path, target).map_err(|error| self.failure(&error));
        }
        // Unlike a rename, a hard link never replaces an existing file.
        match fs::hard_link(&self.path, target) {
            Ok(()) => fs::remove_file(&self.path).map_err(|error| self.failure(&error)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(already_exists(target)),
            Err(_) if target.symlink_metadata().is_ok() => Err(already_exists(target)),
            // The file system does not support hard links.
            Err(_) => fs::rename(&self.path, target).map_err(|error| self.failure(&error)),
        }
    }

    pub(super) fn failure(&self, error: &io::Error) -> CommandError {
        CommandError::local_io(format!("cannot write {}", self.path.display()), error)
    }
}
