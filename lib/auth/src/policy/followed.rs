//! The policy as its files are.

use std::path::PathBuf;

use super::{InvalidPolicy, Policy, Sources};
use crate::jwt::Remotes;
use crate::methods::AuthMethods;
use draftstore_runtime::reload::{Reloader, Snapshot, Source};

/// Where the policy is written, and the methods that it has to serve.
#[derive(Debug)]
pub struct PolicyFile {
    path: PathBuf,
    methods: AuthMethods,
    remotes: Remotes,
}

impl PolicyFile {
    /// Begins with the policy that is there now.
    ///
    /// # Errors
    /// [`InvalidPolicy`] with everything that is wrong with it, or that it has no credentials for one of the methods.
    pub(crate) async fn follow(path: PathBuf, methods: AuthMethods) -> Result<Reloader<Self>, InvalidPolicy> {
        let file = Self {
            path: path.clone(),
            methods,
            remotes: Remotes::default(),
        };
        let reloader = Reloader::open(file).await?;
        let lacks = reloader.live().current().lacks(methods);
        if lacks.is_empty() {
            return Ok(reloader);
        }
        let lacks = lacks.into_iter().map(str::to_owned).collect();
        Err(InvalidPolicy::new(&path, lacks))
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
        let policy = Policy::of(&sources, &self.remotes)?;
        policy.fetched().await;
        Ok(policy)
    }

    fn broken(&self, sentence: String) -> InvalidPolicy {
        InvalidPolicy::new(&self.path, vec![sentence])
    }

    /// It may lack them to shut somebody out: that must not wait until somebody else is let in.
    fn replacing(&self, policy: &Policy) {
        for lack in policy.lacks(self.methods) {
            tracing::warn!("{lack}");
        }
    }
}
