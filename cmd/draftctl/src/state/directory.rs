//! The directory of the state files.

use std::env;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use crate::error::CommandError;
use crate::exit::Exit;

/// Returns `$XDG_STATE_HOME/draftctl` or `~/.local/state/draftctl`, created with mode 0700 if it does not exist.
///
/// <https://specifications.freedesktop.org/basedir-spec/latest/>
///
/// # Errors
/// Returns an error if there is no home directory, or if the directory cannot be created.
pub(super) fn create() -> Result<PathBuf, CommandError> {
    let given = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    // The specification requires a relative path to be ignored.
    let state = given.filter(|path| path.is_absolute());
    let state = state.or_else(|| env::home_dir().map(|home| home.join(".local/state")));
    let Some(directory) = state.map(|state| state.join("draftctl")) else {
        let message = "there is no home directory for the state of uploads: set XDG_STATE_HOME";
        return Err(CommandError::new("LOCAL_IO", Exit::Failed, message));
    };
    let created = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    created.map_err(|error| {
        let what = format!(
            "cannot create {} (set XDG_STATE_HOME to another directory)",
            directory.display()
        );
        CommandError::local_io(what, &error)
    })?;
    Ok(directory)
}
