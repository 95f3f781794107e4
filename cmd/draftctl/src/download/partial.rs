//! What has been received of a file that is not whole yet.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::Version;
use super::destination::exists;
use crate::exit::Exit;
use crate::failure::Failure;

/// A file beside the one that it will be, named after the version that it is a part of.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    pub(super) file: File,
    /// How much is there. Bytes.
    pub(super) len: u64,
}

impl Partial {
    /// The one that an earlier run left, or an empty one.
    ///
    /// # Errors
    /// When another process is writing it, or it cannot be written.
    pub(super) fn of(target: &Path, version: &Version) -> Result<Self, Failure> {
        let mut name = target.as_os_str().to_owned();
        let etag = version.etag.chars();
        let etag: String = etag.map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        name.push(format!(".{etag}.part"));
        let path = PathBuf::from(name);
        let failure = |error: &io::Error| Failure::local(path.display(), error);
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        let file = opened.map_err(|error| failure(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another draftctl is downloading {}", target.display());
                return Err(Failure::new("BUSY", Exit::Busy, message));
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

    /// Forgets what was received.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        self.file.set_len(0).map_err(|error| self.failure(&error))?;
        self.len = 0;
        Ok(())
    }

    /// Makes it the whole file.
    pub(super) fn finish(self, target: &Path, force: bool) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| self.failure(&error))?;
        if force {
            return fs::rename(&self.path, target).map_err(|error| self.failure(&error));
        }
        // A link is never made over a file that is there, as a rename would be.
        match fs::hard_link(&self.path, target) {
            Ok(()) => fs::remove_file(&self.path).map_err(|error| self.failure(&error)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists(target)),
            Err(_) if target.symlink_metadata().is_ok() => Err(exists(target)),
            // A file system without links.
            Err(_) => fs::rename(&self.path, target).map_err(|error| self.failure(&error)),
        }
    }

    pub(super) fn failure(&self, error: &io::Error) -> Failure {
        Failure::local(self.path.display(), error)
    }
}
