//! The destination of a download.

use std::path::{Path, PathBuf};

use crate::cli::DownloadArgs;
use crate::error::CommandError;
use crate::exit::Exit;

/// The destination of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    Stdout,
    File(PathBuf),
}

impl Destination {
    /// Returns the requested output, or a file in the current directory with the last segment of the object name.
    pub(crate) fn from_args(request: &DownloadArgs) -> Self {
        match &request.output {
            Some(file) if file.as_os_str() == "-" => Self::Stdout,
            Some(file) => Self::File(file.clone()),
            None => {
                let name = &request.object_name;
                Self::File(name.rsplit_once('/').map_or(name.as_str(), |(_, last)| last).into())
            }
        }
    }

    /// # Errors
    /// Returns an error if the file exists and `force` is false.
    pub(super) fn check(&self, force: bool) -> Result<(), CommandError> {
        match self {
            Self::File(file) if !force && file.symlink_metadata().is_ok() => Err(already_exists(file)),
            Self::Stdout | Self::File(_) => Ok(()),
        }
    }
}

pub(super) fn already_exists(file: &Path) -> CommandError {
    let message = format!("{} already exists: use --force to replace it", file.display());
    CommandError::new("FILE_EXISTS", Exit::AlreadyExists, message)
}
