//! The source of the policy, which is reloaded when its files change.

use std::path::PathBuf;

use super::{InvalidPolicy, Policy, Sender, Sources};
use crate::jwt::Remotes;
use crate::methods::AuthMethods;
use draftstore_runtime::reload::{Reloader, Snapshot, Source};

/// The file of the policy, and the methods that it must have credentials for.
#[derive(Debug)]
pub struct PolicyFile {
    path: PathBuf,
    methods: AuthMethods,
    remotes: Remotes,
    sender: Sender,
}

impl PolicyFile {
    /// Loads the policy and returns its reloader.
    ///
    /// # Errors
    /// [`InvalidPolicy`] with every error of the policy, and every method for which it has no credentials.
    pub(crate) async fn open(path: PathBuf, methods: AuthMethods) -> Result<Reloader<Self>, InvalidPolicy> {
        let file = Self {
            path: path.clone(),
            methods,
            remotes: Remotes::default(),
            sender: Sender::default(),
        };
        let reloader = Reloader::open(file).await?;
        let missing = reloader.live().current().missing_credentials(methods);
        if missing.is_empty() {
            return Ok(reloader);
        }
        let missing = missing.into_iter().map(str::to_owned).collect();
        Err(InvalidPolicy::new(&path, missing))
    }
}

impl Source for PolicyFile {
    type Contents = Sources;
    type Value = Policy;
    type Error = InvalidPolicy;

    const NAME: &'static str = "policy";

    fn read(&self) -> Result<Snapshot<Sources>, InvalidPolicy> {
        Sources::read(&self.path)
    }

    async fn make(&self, sources: Sources) -> Result<Policy, InvalidPolicy> {
        let policy = Policy::of(&sources, &self.remotes, &self.sender)?;
        policy.fetched().await;
        Ok(policy)
    }

    fn broken(&self, sentence: String) -> InvalidPolicy {
        InvalidPolicy::new(&self.path, vec![sentence])
    }

    /// Logs a warning for each method without credentials. It is no error in a reload, so that revoking the last key is
    /// never blocked.
    fn replacing(&self, _current: &Policy, policy: &Policy) -> Result<(), InvalidPolicy> {
        for reason in policy.missing_credentials(self.methods) {
            tracing::warn!(reason, "policy lacks credentials");
        }
        Ok(())
    }
}
