//! What files say, followed while the process runs: the policy, the keys of tickets, the certificate.
//!
//! One way for all of them: files are looked at every few seconds and at SIGHUP; what they say then holds at once, and files
//! that cannot be used change nothing but the log.

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

/// How often files are looked at. By what is in them: Kubernetes changes a mounted file by changing a link, and the time
/// of a file can be anything.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The longest file that is read: a policy of some ten thousand callers. Bytes.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Files, and how to make something of what is in them.
pub trait Source: Send + Sync + 'static {
    /// What the files hold, as it was read. It may be secret.
    type Contents: Send + 'static;

    /// What is made of it.
    type Value: Send + Sync + 'static;

    /// Why nothing can be made of it, without quoting what may be secret.
    type Error: fmt::Display + PartialEq + Send + 'static;

    /// What logs call the files, such as `the policy`.
    const NAME: &'static str;

    /// Reads all of them; may block.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self) -> Result<Read<Self::Contents>, Self::Error>;

    /// Makes a value of them.
    ///
    /// # Errors
    /// When they are not what they should be.
    fn make(&self, contents: Self::Contents) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;

    /// The error for files that could not even be read to their end, with its sentence.
    fn broken(&self, sentence: String) -> Self::Error;

    /// Says to the log what should be known of a value that replaces another.
    fn replacing(&self, _value: &Self::Value) {}
}

/// What was read at one moment.
#[derive(Debug)]
pub struct Read<C> {
    /// What the files held.
    pub contents: C,
    /// Of all of it, so that secrets need not be kept to see a change.
    pub fingerprint: Fingerprint,
}

/// A hash of files' contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of these, in this order.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(Sha256::digest(part));
        }
        Self(hash.finalize().into())
    }
}

/// What holds now. Clones share it.
pub struct InForce<T>(Arc<ArcSwap<T>>);

impl<T> InForce<T> {
    /// As it is now; it may have been replaced a moment later.
    pub fn current(&self) -> Arc<T> {
        self.0.load_full()
    }
}

impl<T> Clone for InForce<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for InForce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InForce").finish_non_exhaustive()
    }
}

/// Looks at the files of a source, and puts into force what they say.
pub struct Follower<S: Source> {
    source: Arc<S>,
    in_force: InForce<S::Value>,
    fingerprint: Fingerprint,
    refused: Option<S::Error>,
}

/// What a look at the files has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// They say what is in force.
    Unchanged,
    /// What they say is in force now.
    Replaced,
    /// What they say cannot be used: what they said before stays in force.
    Refused,
    /// The same, and it was said before.
    StillRefused,
}

impl<S: Source> Follower<S> {
    /// Begins with what the files say now.
    ///
    /// # Errors
    /// When they cannot be used.
    pub async fn open(source: S) -> Result<Self, S::Error> {
        let source = Arc::new(source);
        let Read { contents, fingerprint } = read(&source).await?;
        let value = source.make(contents).await?;
        Ok(Self {
            source,
            in_force: InForce(Arc::new(ArcSwap::from_pointee(value))),
            fingerprint,
            refused: None,
        })
    }

    /// What they say, as it changes.
    pub fn in_force(&self) -> InForce<S::Value> {
        self.in_force.clone()
    }

    /// Looks every few seconds, and at once at every signal, for ever.
    pub async fn run(mut self, mut signal: Signal) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.look().await;
                }
                _ = signal.recv() => {
                    // Whoever asks is answered, also a second time.
                    self.refused = None;
                    if self.look().await == Looked::Unchanged {
                        tracing::info!("SIGHUP: {} is as it was", S::NAME);
                    }
                }
            }
        }
    }

    /// Looks once, and puts into force what is there now. The log says so; of what cannot be used, once.
    pub async fn look(&mut self) -> Looked {
        match self.changed().await {
            Ok(None) => {
                self.refused = None;
                Looked::Unchanged
            }
            Ok(Some((value, fingerprint))) => {
                self.source.replacing(&value);
                self.in_force.0.store(Arc::new(value));
                self.fingerprint = fingerprint;
                self.refused = None;
                tracing::info!("{} has changed, and is in force", S::NAME);
                Looked::Replaced
            }
            Err(error) => {
                if self.refused.as_ref() == Some(&error) {
                    return Looked::StillRefused;
                }
                tracing::error!("{error}\n{} from before stays in force", S::NAME);
                self.refused = Some(error);
                Looked::Refused
            }
        }
    }

    async fn changed(&self) -> Result<Option<(S::Value, Fingerprint)>, S::Error> {
        let Read { contents, fingerprint } = read(&self.source).await?;
        if fingerprint == self.fingerprint {
            return Ok(None);
        }
        let value = self.source.make(contents).await?;
        Ok(Some((value, fingerprint)))
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Follower<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

async fn read<S: Source>(source: &Arc<S>) -> Result<Read<S::Contents>, S::Error> {
    let reading = Arc::clone(source);
    let read = spawn_blocking(move || reading.read()).await;
    // What a panic says may be of the files.
    read.unwrap_or_else(|_| Err(source.broken(format!("reading {} has panicked", S::NAME))))
}

/// A file's bytes, if it is not too long to be one of ours.
///
/// # Errors
/// A sentence that names the file.
pub fn content(path: &Path) -> Result<Vec<u8>, String> {
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

        const NAME: &'static str = "the number";

        fn read(&self) -> Result<Read<Vec<u8>>, String> {
            let contents = content(&self.0)?;
            let fingerprint = Fingerprint::of([contents.as_slice()]);
            Ok(Read { contents, fingerprint })
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
    async fn files_are_followed_and_broken_ones_change_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("number");
        fs::write(&path, "1").expect("written");
        let mut follower = Follower::open(Number(path.clone())).await.expect("a number");
        let in_force = follower.in_force();
        for (text, looked, value) in [
            (Some("1"), Looked::Unchanged, 1),
            (Some("2"), Looked::Replaced, 2),
            (Some("two"), Looked::Refused, 2),
            (Some("too"), Looked::StillRefused, 2),
            (None, Looked::Refused, 2),
            (None, Looked::StillRefused, 2),
            (Some("2"), Looked::Unchanged, 2),
            (Some("two"), Looked::Refused, 2),
            (Some("3"), Looked::Replaced, 3),
        ] {
            match text {
                Some(text) => fs::write(&path, text).expect("written"),
                None => drop(fs::remove_file(&path)),
            }
            assert_eq!(follower.look().await, looked, "{text:?}");
            assert_eq!(*in_force.current(), value, "{text:?}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_used_at_first_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("number");
        let refused = Follower::open(Number(path.clone())).await.err().expect("not there");
        assert!(refused.contains("number cannot be read"), "{refused}");
        fs::write(&path, " ".repeat(4 * 1024 * 1024 + 1)).expect("written");
        let refused = Follower::open(Number(path.clone())).await.err().expect("too long");
        assert!(refused.ends_with("number is longer than 4194304 bytes"), "{refused}");
        fs::write(&path, "x").expect("written");
        let refused = Follower::open(Number(path)).await.err();
        assert_eq!(refused.as_deref(), Some("no number"));
    }

    #[test]
    fn fingerprint_tells_where_one_part_ends() {
        let of = |parts: [&str; 2]| Fingerprint::of(parts.map(str::as_bytes));
        assert_eq!(of(["ab", "c"]), of(["ab", "c"]));
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
    }
}
