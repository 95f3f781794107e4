//! The file that is uploaded, and whether it is still the same.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::state::Stamp;
use crate::store::Piece;

use super::parts::Part;

/// An open file.
#[derive(Debug)]
pub(super) struct Source {
    /// Canonical.
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    file: Arc<File>,
}

impl Source {
    /// # Errors
    /// When there is no such file, or it is none that can be read twice.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failure = |error| Failure::local("it cannot be read", &error);
        let path = path.canonicalize().map_err(failure)?;
        // Opening a pipe would wait for its other end.
        if !fs::metadata(&path).map_err(failure)?.is_file() {
            return Err(Failure::new("LOCAL_IO", Exit::Failed, "it is no regular file"));
        }
        let file = File::open(&path).map_err(failure)?;
        let stamp = Stamp::of(&file.metadata().map_err(failure)?);
        Ok(Self {
            path,
            stamp,
            file: Arc::new(file),
        })
    }

    /// # Errors
    /// When the file has changed since it was opened: what was sent is then of no use.
    pub(super) fn check_unchanged(&self) -> Result<(), Failure> {
        let now = fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata));
        if now.is_ok_and(|now| now == self.stamp) {
            return Ok(());
        }
        let message = "it has changed while it was uploaded: upload it again when it is complete";
        Err(Failure::new("FILE_CHANGED", Exit::Failed, message))
    }

    pub(super) fn size(&self) -> u64 {
        self.stamp.size
    }

    /// The bytes of a part.
    pub(super) fn piece(&self, part: Part) -> Piece {
        Piece {
            file: Arc::clone(&self.file),
            offset: part.offset,
            len: part.len,
        }
    }
}
