//! The persistent state of uploads: a small file for each, which records its progress.
//!
//! It contains no presigned URL and no bytes. Only the store knows which parts have arrived.

mod directory;
mod identity;
mod lock;
mod upload_state;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::CommandError;

pub(crate) use identity::UploadIdentity;
pub(crate) use upload_state::{FileStamp, UploadPhase, UploadState};

use self::lock::LockFile;

/// The state file of an upload, locked while this value exists. An upload that cannot be resumed has none.
#[derive(Debug)]
pub(crate) struct StateFile(Option<Stored>);

#[derive(Debug)]
struct Stored {
    path: PathBuf,
    _lock: LockFile,
}

impl StateFile {
    /// Returns the state of an upload that stores nothing.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Locks the state file, which need not exist.
    ///
    /// # Errors
    /// Returns an error if another process has locked it, or if the directory cannot be written.
    pub(crate) fn open(identity: &UploadIdentity) -> Result<Self, CommandError> {
        Self::open_in(&directory::create()?, identity)
    }

    fn open_in(directory: &Path, identity: &UploadIdentity) -> Result<Self, CommandError> {
        let name = identity.digest();
        let lock = LockFile::acquire(directory.join(format!("{name}.lock")), &identity.file)?;
        Ok(Self(Some(Stored {
            path: directory.join(format!("{name}.json")),
            _lock: lock,
        })))
    }

    /// Returns the stored state, or `None` if there is none that this version can read.
    ///
    /// # Errors
    /// Returns an error if the file exists but cannot be read.
    pub(crate) fn load(&self) -> Result<Option<UploadState>, CommandError> {
        let Some(Stored { path, .. }) = &self.0 else {
            return Ok(None);
        };
        match fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure(path, &error)),
        }
    }

    /// Replaces the stored state atomically. It is on disk when this returns.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub(crate) fn save(&self, state: &UploadState) -> Result<(), CommandError> {
        let Some(Stored { path, .. }) = &self.0 else {
            return Ok(());
        };
        let text = serde_json::to_vec_pretty(state).map_err(io::Error::other);
        let saved = text.and_then(|text| replace(path, &text));
        saved.map_err(|error| failure(path, &error))
    }

    /// Removes the stored state.
    ///
    /// # Errors
    /// Returns an error if the file cannot be removed.
    pub(crate) fn remove(&self) -> Result<(), CommandError> {
        let Some(Stored { path, .. }) = &self.0 else {
            return Ok(());
        };
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failure(path, &error)),
            _ => Ok(()),
        }
    }
}

fn failure(path: &Path, error: &io::Error) -> CommandError {
    CommandError::local_io(format!("cannot access the state file {}", path.display()), error)
}

/// Writes to a temporary file first, so that a reader sees the old or the new text.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
