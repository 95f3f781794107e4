//! The plan of an upload: which files become which objects. It is made before anything is sent.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::cli::UploadArgs;
use crate::error::CommandError;
use crate::exit::Exit;

/// A file to upload, and the name of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedUpload {
    pub(crate) input: Input,
    pub(crate) object_name: String,
}

/// The source of an object's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    File(PathBuf),
    /// A named pipe, or the one of a process substitution.
    Pipe(PathBuf),
    Stdin,
}

impl Input {
    /// Returns the path as it is given on the command line, or found in a directory.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Pipe(path) => path,
            Self::Stdin => Path::new("-"),
        }
    }
}

/// Returns the uploads of all files, and of the files in directories. A file that cannot be read fails later, by itself. Blocks.
///
/// # Errors
/// Returns an error if a file has no name, or if two of them would become one object.
pub(crate) fn plan(options: &UploadArgs) -> Result<Vec<PlannedUpload>, CommandError> {
    if options.name.is_some() && options.files.len() > 1 {
        return Err(usage(
            "--name requires a single file: upload the files one by one, or omit --name",
        ));
    }
    let mut planned = Vec::new();
    for file in &options.files {
        add(options, file, &mut planned)?;
    }
    check_names(options, &planned)?;
    Ok(planned)
}

fn add(options: &UploadArgs, file: &Path, planned: &mut Vec<PlannedUpload>) -> Result<(), CommandError> {
    let name = options.name.clone();
    let shown = file.display();
    let unnamed = || usage(format!("{shown}: its object needs a name: give one with --name"));
    let (input, object_name) = if file.as_os_str() == "-" {
        (Input::Stdin, name.ok_or_else(unnamed)?)
    } else {
        // A file that does not exist is reported like one that cannot be read.
        let kind = fs::metadata(file).ok().map(|metadata| metadata.file_type());
        if kind.is_some_and(|kind| kind.is_dir()) {
            if !options.recursive {
                return Err(usage(format!("{shown} is a directory: upload it with --recursive")));
            }
            return add_directory(file, name, planned);
        }
        if kind.is_some_and(|kind| kind.is_fifo()) {
            (Input::Pipe(file.to_owned()), name.ok_or_else(unnamed)?)
        } else {
            let own = || file.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            (Input::File(file.to_owned()), name.or_else(own).ok_or_else(unnamed)?)
        }
    };
    planned.push(PlannedUpload { input, object_name });
    Ok(())
}

/// Adds the files in a directory. Its own name, or `name`, begins their names. `.` has no name.
fn add_directory(directory: &Path, name: Option<String>, planned: &mut Vec<PlannedUpload>) -> Result<(), CommandError> {
    let prefix = match (name, directory.file_name()) {
        (Some(name), _) => format!("{}/", name.trim_end_matches('/')),
        (None, Some(own)) => format!("{}/", own.to_str().ok_or_else(|| not_utf8(directory))?),
        (None, None) => String::new(),
    };
    let before = planned.len();
    walk(directory, &prefix, planned)?;
    if planned.len() == before {
        return Err(usage(format!("{} contains no files", directory.display())));
    }
    Ok(())
}

/// Follows no links to directories, which could lead back.
fn walk(directory: &Path, prefix: &str, planned: &mut Vec<PlannedUpload>) -> Result<(), CommandError> {
    let failure = |error| CommandError::local_io(format!("cannot read the directory {}", directory.display()), &error);
    let entries: Result<Vec<_>, _> = fs::read_dir(directory).map_err(failure)?.collect();
    let mut entries = entries.map_err(failure)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| not_utf8(&path))?;
        let object_name = format!("{prefix}{name}");
        if entry.file_type().map_err(failure)?.is_dir() {
            walk(&path, &format!("{object_name}/"), planned)?;
        } else {
            let input = Input::File(path);
            planned.push(PlannedUpload { input, object_name });
        }
    }
    Ok(())
}

/// Checks that no upload, or its confirm, replaces another one of the same command.
fn check_names(options: &UploadArgs, planned: &[PlannedUpload]) -> Result<(), CommandError> {
    if options.unique && !options.confirm {
        return Ok(());
    }
    let mut names = HashMap::new();
    for PlannedUpload { input, object_name } in planned {
        if let Some(other) = names.insert(object_name, input) {
            let (one, two) = (other.path().display(), input.path().display());
            let or_unique = if options.confirm { "" } else { ", or use --unique" };
            return Err(usage(format!(
                "{one} and {two} would become one object, {object_name}: upload them one by one with --name, or their common \
                 directory with --recursive, which keeps the paths{or_unique}"
            )));
        }
    }
    Ok(())
}

fn not_utf8(path: &Path) -> CommandError {
    usage(format!("{}: the name is not UTF-8", path.display()))
}

fn usage(message: impl Into<String>) -> CommandError {
    CommandError::new("USAGE", Exit::Usage, message)
}
