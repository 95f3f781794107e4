//! Where the files are.

use std::env;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use crate::exit::Exit;
use crate::failure::Failure;

/// `$XDG_STATE_HOME/draftctl`, or `~/.local/state/draftctl`, made where it is missing, for nobody else to look into.
///
/// Source: <https://specifications.freedesktop.org/basedir-spec/latest/>
///
/// # Errors
/// When there is no such place, or it cannot be made.
pub(super) fn make() -> Result<PathBuf, Failure> {
    let given = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    // A relative one is to be ignored, says the specification.
    let state = given.filter(|path| path.is_absolute());
    let state = state.or_else(|| env::home_dir().map(|home| home.join(".local/state")));
    let Some(directory) = state.map(|state| state.join("draftctl")) else {
        let message = "there is no home directory to remember uploads in: set XDG_STATE_HOME";
        return Err(Failure::new("LOCAL_IO", Exit::Failed, message));
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    made.map_err(|error| Failure::local(format!("{} (set XDG_STATE_HOME)", directory.display()), &error))?;
    Ok(directory)
}
