//! The destination of a download.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::cli::DownloadArgs;
use crate::error::CommandError;
use crate::exit::Exit;

/// The destination of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    Stdout,
    /// A pipe or a device, which is written to and never replaced.
    Device(PathBuf),
    File(PathBuf),
}

impl Destination {
    /// Returns the requested output. Without one, or if it is a directory, the file there is named after the last segment of
    /// the object name.
    ///
    /// # Errors
    /// Returns an error if that segment is not a file name.
    pub(crate) fn from_args(request: &DownloadArgs) -> Result<Self, CommandError> {
        let name = &request.object_name;
        let Some(output) = &request.output else {
            return Ok(Self::File(last_segment(name)?.into()));
        };
        if output.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        Ok(match fs::metadata(output) {
            Ok(there) if there.is_dir() => Self::File(output.join(last_segment(name)?)),
            Ok(there) if !there.is_file() => Self::Device(output.clone()),
            Ok(_) | Err(_) => Self::File(output.clone()),
        })
    }

    /// # Errors
    /// Returns an error if the file exists and `force` is false.
    pub(super) fn check(&self, force: bool) -> Result<(), CommandError> {
        match self {
            Self::File(file) if !force && file.symlink_metadata().is_ok() => Err(already_exists(file)),
            Self::Stdout | Self::Device(_) | Self::File(_) => Ok(()),
        }
    }
}

fn last_segment(object_name: &str) -> Result<&str, CommandError> {
    let segment = object_name.rsplit('/').next().unwrap_or_default();
    let mut components = Path::new(segment).components();
    if let (Some(Component::Normal(_)), None) = (components.next(), components.next()) {
        return Ok(segment);
    }
    let message = format!("{object_name:?} does not end with a file name: name the file with --output");
    Err(CommandError::new("USAGE", Exit::Usage, message))
}

pub(super) fn already_exists(file: &Path) -> CommandError {
    let message = format!("{} already exists: use --force to replace it", file.display());
    CommandError::new("FILE_EXISTS", Exit::AlreadyExists, message)
}
