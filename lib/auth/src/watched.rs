//! What a file says, read anew when the file has changed.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// Pause between two looks at the file.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A longer file is none of ours. Bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Makes a value of a file's text, or says what is wrong with it, without quoting what may be secret.
pub type Parse<T> = fn(&str) -> Result<T, String>;

/// The value in a file. Follows the file: what was written there holds a second later, for as long as it can be read; a file
/// that cannot be read any more, or is wrong, changes nothing but the log.
pub struct Watched<T> {
    path: PathBuf,
    parse: Parse<T>,
    seen: RwLock<Seen<T>>,
}

struct Seen<T> {
    /// Compared, for clocks and file systems differ in what a time of change means.
    text: String,
    value: Arc<T>,
    looked_at: SystemTime,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there, or not for us to read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is there, but wrong.
    #[error("{} cannot be used: {reason}", path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl<T> Watched<T> {
    /// What the file says now.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be used.
    pub fn open(path: PathBuf, parse: Parse<T>, now: SystemTime) -> Result<Self, FileError> {
        let text = read(&path)?;
        let value = parse_text(&path, parse, &text)?;
        let seen = RwLock::new(Seen {
            text,
            value: Arc::new(value),
            looked_at: now,
        });
        Ok(Self { path, parse, seen })
    }

    /// What it says, or said when it could last be used. Looks at the file where the last look is not of this second: a
    /// small file that is in memory anyway, so that this may be done between two requests.
    pub fn current(&self, now: SystemTime) -> Arc<T> {
        {
            let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
            let since = now.duration_since(seen.looked_at);
            if since.is_ok_and(|since| since < LOOK_AGAIN_AFTER) {
                return Arc::clone(&seen.value);
            }
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.looked_at = now;
        match read(&self.path) {
            Ok(text) if text == seen.text => {}
            Ok(text) => {
                match parse_text(&self.path, self.parse, &text) {
                    Ok(value) => {
                        seen.value = Arc::new(value);
                        tracing::info!(path = %self.path.display(), "the file has changed, and holds from now on");
                    }
                    Err(error) => tracing::error!("{error}; what it said before still holds"),
                }
                seen.text = text;
            }
            Err(error) => tracing::error!("{error}; what it said before still holds"),
        }
        Arc::clone(&seen.value)
    }
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<String, FileError> {
    let unreadable = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE_BYTES {
        return Err(FileError::Wrong {
            path: path.to_owned(),
            reason: format!("it is longer than {MAX_FILE_BYTES} bytes"),
        });
    }
    fs::read_to_string(path).map_err(unreadable)
}

fn parse_text<T>(path: &Path, parse: Parse<T>, text: &str) -> Result<T, FileError> {
    parse(text).map_err(|reason| FileError::Wrong {
        path: path.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn number(text: &str) -> Result<u32, String> {
        text.trim().parse().map_err(|_| "no number".to_owned())
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn file_is_followed_and_a_broken_one_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("number");
        fs::write(&path, "1").expect("written");
        let watched = Watched::open(path.clone(), number, at(0)).expect("read");
        fs::write(&path, "2").expect("written");
        assert_eq!(*watched.current(at(0)), 1, "within the second");
        assert_eq!(*watched.current(at(1)), 2);
        fs::write(&path, "two").expect("written");
        assert_eq!(*watched.current(at(2)), 2);
        fs::remove_file(&path).expect("removed");
        assert_eq!(*watched.current(at(3)), 2);
        fs::write(&path, "3").expect("written");
        assert_eq!(*watched.current(at(4)), 3);
        fs::write(&path, "4").expect("written");
        assert_eq!(*watched.current(at(1)), 4, "a clock that was set back");
    }

    #[test]
    fn what_cannot_be_used_at_first_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("number");
        assert!(Watched::open(path.clone(), number, at(0)).is_err());
        for wrong in ["x".to_owned(), " ".repeat(1024 * 1024 + 1)] {
            fs::write(&path, wrong).expect("written");
            assert!(matches!(
                Watched::open(path.clone(), number, at(0)),
                Err(FileError::Wrong { .. })
            ));
        }
    }
}
