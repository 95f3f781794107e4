//! Where a download goes.

use std::path::{Path, PathBuf};

use crate::cli::Download;
use crate::exit::Exit;
use crate::failure::Failure;

/// Where a download goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    Stdout,
    File(PathBuf),
}

impl Destination {
    /// What was asked for; or the last part of the object's name, in the working directory.
    pub(crate) fn of(request: &Download) -> Self {
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
    /// When a file is there that is not to be replaced.
    pub(super) fn check(&self, force: bool) -> Result<(), Failure> {
        match self {
            Self::File(file) if !force && file.symlink_metadata().is_ok() => Err(exists(file)),
            Self::Stdout | Self::File(_) => Ok(()),
        }
    }
}

pub(super) fn exists(file: &Path) -> Failure {
    let message = format!("{} is there already: --force replaces it", file.display());
    Failure::new("FILE_EXISTS", Exit::Exists, message)
}
