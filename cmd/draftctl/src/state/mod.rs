//! What survives an interruption: for each upload a small file that says how far it had come.
//!
//! It holds no presigned URL and no bytes; which parts have arrived is known by the store alone.

mod directory;
mod key;
mod lock;
mod record;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

pub(crate) use key::Key;
pub(crate) use record::{Phase, Record, Stamp};

use self::lock::Lock;

/// One upload's file, which is nobody else's while this lives.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    _lock: Lock,
}

impl Memory {
    /// Takes hold of the file, whether there is one or not.
    ///
    /// # Errors
    /// When another process has it, or the directory cannot be written.
    pub(crate) fn of(key: &Key) -> Result<Self, Failure> {
        Self::within(&directory::make()?, key)
    }

    fn within(directory: &Path, key: &Key) -> Result<Self, Failure> {
        let name = key.digest();
        let lock = Lock::take(directory.join(format!("{name}.lock")), &key.file)?;
        Ok(Self {
            path: directory.join(format!("{name}.json")),
            _lock: lock,
        })
    }

    /// What was remembered; none where there is nothing, or nothing that this version can read.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(crate) fn recall(&self) -> Result<Option<Record>, Failure> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Remembers this instead of what was: on disk when it returns, and never half of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep(&self, record: &Record) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(record).map_err(io::Error::other);
        let kept = text.and_then(|text| replace(&self.path, &text));
        kept.map_err(|error| self.failure(&error))
    }

    /// Forgets it.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failure(&error)),
            _ => Ok(()),
        }
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::local(format!("the state file {}", self.path.display()), error)
    }
}

/// Under another name first, so that a reader sees the old text or the new.
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
