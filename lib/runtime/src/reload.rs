//! Reloads values from files while the process runs: the policy, the keys of tickets, the TLS certificate.
//!
//! The files are polled every few seconds, and at SIGHUP. A valid change applies at once. Invalid files are logged, and
//! change nothing.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sha2::{Digest as _, Sha256};
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// The time between two polls. A change is detected by contents, not by modification time: Kubernetes changes a mounted
/// file by replacing a link.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The maximum length of a file, in bytes. A policy of that length has some ten thousand callers.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A set of files, and a value that is made from their contents.
pub trait Source: Send + Sync + 'static {
    /// The contents of the files, which may be secret.
    type Contents: Send + 'static;

    /// The value that is made from them.
    type Value: Send + Sync + 'static;

    /// The error of invalid files. It never quotes secrets.
    type Error: fmt::Display + PartialEq + Send + 'static;

    /// The name of the value in logs, such as `policy`.
    const NAME: &'static str;

    /// Reads all of the files. It may block.
    ///
    /// # Errors
    /// If they cannot be read.
    fn read(&self) -> Result<Snapshot<Self::Contents>, Self::Error>;

    /// Makes the value from the contents.
    ///
    /// # Errors
    /// If the contents are invalid.
    fn make(&self, contents: Self::Contents) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;

    /// Returns the error of a read that panicked, with this message.
    fn broken(&self, message: String) -> Self::Error;

    /// Logs what an operator should know about a value that is to replace another.
    ///
    /// # Errors
    /// If the current value is better, and stays.
    fn replacing(&self, _current: &Self::Value, _next: &Self::Value) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// The contents of files at one moment.
#[derive(Debug)]
pub struct Snapshot<C> {
    /// The contents of all files.
    pub contents: C,
    /// The fingerprint of all contents, which detects a change without keeping secrets in memory.
    pub fingerprint: Fingerprint,
}

/// A hash of the contents of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint of these parts, in this order.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(Sha256::digest(part));
        }
        Self(hash.finalize().into())
    }
}

/// A value that is replaced when its files change. Clones share it.
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Live<T> {
    /// Returns the current value.
    pub fn current(&self) -> Arc<T> {
        self.0.load_full()
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

/// Polls the files of a source, and replaces the value when they change.
pub struct Reloader<S: Source> {
    source: Arc<S>,
    live: Live<S::Value>,
    fingerprint: Fingerprint,
    refused: Option<S::Error>,
}

/// The outcome of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollOutcome {
    /// The files did not change.
    Unchanged,
    /// The value was replaced.
    Replaced,
    /// The files are invalid, so the value did not change.
    Refused,
    /// The files are still invalid, with an error that was logged before.
    StillRefused,
}

impl<S: Source> Reloader<S> {
    /// Reads the files and makes the first value.
    ///
    /// # Errors
    /// If the files are invalid.
    pub async fn open(source: S) -> Result<Self, S::Error> {
        let source = Arc::new(source);
        let Snapshot { contents, fingerprint } = read(&source).await?;
        let value = source.make(contents).await?;
        Ok(Self {
            source,
            live: Live(Arc::new(ArcSwap::from_pointee(value))),
            fingerprint,
            refused: None,
        })
    }

    /// Returns a handle to the value, which stays current.
    pub fn live(&self) -> Live<S::Value> {
        self.live.clone()
    }

    /// Polls every few seconds and at every signal, forever.
    pub async fn run(mut self, mut signal: Signal) {
        let mut ticks = interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.poll().await;
                }
                _ = signal.recv() => {
                    // An operator who sends SIGHUP gets the error again.
                    self.refused = None;
                    if self.poll().await == PollOutcome::Unchanged {
                        tracing::info!(source = S::NAME, "files unchanged");
                    }
                }
            }
        }
    }

    /// Polls once. It logs a change, and every error once.
    pub async fn poll(&mut self) -> PollOutcome {
        match self.changed().await {
            Ok(None) => {
                self.refused = None;
                PollOutcome::Unchanged
            }
            Ok(Some((value, fingerprint))) => {
                self.live.0.store(Arc::new(value));
                self.fingerprint = fingerprint;
                self.refused = None;
                tracing::info!(source = S::NAME, "files reloaded");
                PollOutcome::Replaced
            }
            Err(error) => {
                if self.refused.as_ref() == Some(&error) {
                    return PollOutcome::StillRefused;
                }
                tracing::error!(source = S::NAME, %error, "files not reloaded");
                self.refused = Some(error);
                PollOutcome::Refused
            }
        }
    }

    async fn changed(&self) -> Result<Option<(S::Value, Fingerprint)>, S::Error> {
        let Snapshot { contents, fingerprint } = read(&self.source).await?;
        if fingerprint == self.fingerprint {
            return Ok(None);
        }
        let value = self.source.make(contents).await?;
        self.source.replacing(&self.live.current(), &value)?;
        Ok(Some((value, fingerprint)))
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Reloader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

async fn read<S: Source>(source: &Arc<S>) -> Result<Snapshot<S::Contents>, S::Error> {
    let reading = Arc::clone(source);
    let read = spawn_blocking(move || reading.read()).await;
    // The message of the panic may quote the files.
    read.unwrap_or_else(|_| Err(source.broken(format!("reading the {} panicked", S::NAME))))
}

/// Reads a file of at most 4 MiB.
///
/// # Errors
/// A message that names the file.
pub fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= MAX_FILE_BYTES) {
        Ok(bytes)
    } else {
        Err(format!("{} is longer than {MAX_FILE_BYTES} bytes", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Number(PathBuf);

    impl Source for Number {
        type Contents = Vec<u8>;
        type Value = u32;
        type Error = String;

        const NAME: &'static str = "number";

        fn read(&self) -> Result<Snapshot<Vec<u8>>, String> {
            let contents = read_file(&self.0)?;
            let fingerprint = Fingerprint::of([contents.as_slice()]);
            Ok(Snapshot { contents, fingerprint })
        }

        async fn make(&self, contents: Vec<u8>) -> Result<u32, String> {
            let text = String::from_utf8_lossy(&contents);
            text.parse().map_err(|_| "no number".to_owned())
        }

        fn broken(&self, sentence: String) -> String {
            sentence
        }
    }

    #[tokio::test]
    async fn valid_files_are_reloaded_and_invalid_files_change_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("number");
        fs::write(&path, "1").expect("written");
        let mut reloader = Reloader::open(Number(path.clone())).await.expect("a number");
        let live = reloader.live();
        for (text, outcome, value) in [
            (Some("1"), PollOutcome::Unchanged, 1),
            (Some("2"), PollOutcome::Replaced, 2),
            (Some("two"), PollOutcome::Refused, 2),
            (Some("too"), PollOutcome::StillRefused, 2),
            (None, PollOutcome::Refused, 2),
            (None, PollOutcome::StillRefused, 2),
            (Some("2"), PollOutcome::Unchanged, 2),
            (Some("two"), PollOutcome::Refused, 2),
            (Some("3"), PollOutcome::Replaced, 3),
        ] {
            match text {
                Some(text) => fs::write(&path, text).expect("written"),
                None => drop(fs::remove_file(&path)),
            }
            assert_eq!(reloader.poll().await, outcome, "{text:?}");
            assert_eq!(*live.current(), value, "{text:?}");
        }
    }

    #[tokio::test]
    async fn open_fails_on_invalid_files() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("number");
        let refused = Reloader::open(Number(path.clone())).await.err().expect("not there");
        assert!(refused.contains("number cannot be read"), "{refused}");
        fs::write(&path, " ".repeat(4 * 1024 * 1024 + 1)).expect("written");
        let refused = Reloader::open(Number(path.clone())).await.err().expect("too long");
        assert!(refused.ends_with("number is longer than 4194304 bytes"), "{refused}");
        fs::write(&path, "x").expect("written");
        let refused = Reloader::open(Number(path)).await.err();
        assert_eq!(refused.as_deref(), Some("no number"));
    }

    #[test]
    fn fingerprint_depends_on_the_borders_of_parts() {
        let of = |parts: [&str; 2]| Fingerprint::of(parts.map(str::as_bytes));
        assert_eq!(of(["ab", "c"]), of(["ab", "c"]));
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
    }
}
