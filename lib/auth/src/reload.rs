//! Keeping the policy in force as its files are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::authenticator::InForce;
use crate::jwt::Remotes;
use crate::policy::{InvalidPolicy, Policy, Sources};
use crate::ways::Ways;

/// How often files are looked at. By what is in them: Kubernetes changes a mounted file by changing a link, and the time
/// of a file can be anything.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks at the policy's files, and puts into force what they say.
#[derive(Debug)]
pub struct Reloader {
    in_force: Arc<InForce>,
    loaded: Loaded,
    refused: Option<InvalidPolicy>,
}

/// What a look at the files has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// They say what is in force.
    Unchanged,
    /// What they say is in force now.
    Replaced,
    /// What they say is no policy: the one before stays in force.
    Refused,
    /// The same, and it was said before.
    StillRefused,
}

/// Where the policy comes from, and what was read there.
#[derive(Debug)]
pub(crate) struct Loaded {
    path: PathBuf,
    ways: Ways,
    remotes: Remotes,
    fingerprint: [u8; 32],
}

impl Loaded {
    pub(crate) fn keeping(self, in_force: Arc<InForce>) -> Reloader {
        Reloader {
            in_force,
            loaded: self,
            refused: None,
        }
    }
}

impl Reloader {
    /// The policy to begin with.
    pub(crate) async fn open(path: PathBuf, ways: Ways) -> Result<(Policy, Loaded), InvalidPolicy> {
        let remotes = Remotes::default();
        let sources = read(&path).await?;
        let policy = Policy::of(&sources, &remotes)?;
        let lacks = policy.lacks(ways);
        if !lacks.is_empty() {
            let lacks = lacks.into_iter().map(str::to_owned).collect();
            return Err(InvalidPolicy::new(&path, lacks));
        }
        policy.fetched().await;
        let loaded = Loaded {
            path,
            ways,
            remotes,
            fingerprint: sources.fingerprint,
        };
        Ok((policy, loaded))
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
                        tracing::info!("SIGHUP: the policy is as it was");
                    }
                }
            }
        }
    }

    /// Looks once, and puts into force what is there now. The log says so; of a policy that cannot be used, once.
    pub async fn look(&mut self) -> Looked {
        match self.changed().await {
            Ok(None) => {
                self.refused = None;
                Looked::Unchanged
            }
            Ok(Some((policy, fingerprint))) => {
                // It may lack them to shut somebody out: that must not wait until somebody else is let in.
                for lack in policy.lacks(self.loaded.ways) {
                    tracing::warn!("{lack}");
                }
                self.in_force.replace(policy);
                self.loaded.fingerprint = fingerprint;
                self.refused = None;
                tracing::info!("the policy has changed, and is in force");
                Looked::Replaced
            }
            Err(invalid) => {
                if self.refused.as_ref() == Some(&invalid) {
                    return Looked::StillRefused;
                }
                tracing::error!("{invalid}\nthe one before stays in force");
                self.refused = Some(invalid);
                Looked::Refused
            }
        }
    }

    async fn changed(&self) -> Result<Option<(Policy, [u8; 32])>, InvalidPolicy> {
        let sources = read(&self.loaded.path).await?;
        if sources.fingerprint == self.loaded.fingerprint {
            return Ok(None);
        }
        let policy = Policy::of(&sources, &self.loaded.remotes)?;
        policy.fetched().await;
        Ok(Some((policy, sources.fingerprint)))
    }
}

async fn read(path: &Path) -> Result<Sources, InvalidPolicy> {
    let owned = path.to_owned();
    let read = spawn_blocking(move || Sources::read(&owned)).await;
    // What a panic says may be of the file.
    read.unwrap_or_else(|_| Err(InvalidPolicy::new(path, vec!["reading it has panicked".to_owned()])))
}
