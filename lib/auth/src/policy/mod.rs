//! The policy file: who callers are, what they may do, and what they are known by.

mod callers;
mod file;
mod followed;
mod issuers;
mod name;
mod problems;
mod profiles;
mod sources;

pub use followed::PolicyFile;
pub use name::{CallerName, InvalidCallerName};
pub use problems::InvalidPolicy;
pub use profiles::Profiles;
use sources::Sources;

use std::sync::Arc;

use crate::api_key::KeyRing;
use crate::certificate::Certificates;
use crate::jwt::{Issuer, Keys, Remotes};
use crate::methods::AuthMethods;

use self::problems::Problems;

/// A policy that holds together.
#[derive(Debug, Default)]
pub struct Policy {
    pub(crate) keys: KeyRing,
    pub(crate) certificates: Certificates,
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) profiles: Arc<Profiles>,
}

impl Policy {
    /// The policy that the files state. Keys that it has at URLs are fetched from now on.
    ///
    /// # Errors
    /// [`InvalidPolicy`] with every rule that is broken.
    pub(crate) fn of(sources: &Sources, remotes: &Remotes) -> Result<Self, InvalidPolicy> {
        let mut problems = Problems::default();
        let mut policy = Self::default();
        let profiles = profiles::profiles(&sources.file.profiles, &mut problems);
        callers::add(&mut policy, sources, &profiles, &mut problems);
        policy.issuers = issuers::issuers(sources, &profiles, remotes, &mut problems);
        policy.profiles = Arc::new(profiles);
        problems.finish(&sources.path, policy)
    }

    /// Waits until keys at URLs were fetched, or could not be.
    pub(crate) async fn fetched(&self) {
        for issuer in &self.issuers {
            if let Keys::Remote(remote) = &issuer.keys {
                remote.tried().await;
            }
        }
    }

    /// Returns the entries that the methods need and this policy lacks.
    pub(crate) fn lacks(&self, methods: AuthMethods) -> Vec<&'static str> {
        let lacking = [
            (
                methods.api_key && self.keys.is_empty(),
                "AUTH has api-key, but no caller has api_keys: make one with `draftstore-server key new`",
            ),
            (
                methods.jwt && self.issuers.is_empty(),
                "AUTH has jwt, but there are no issuers",
            ),
            (
                methods.mtls && self.certificates.is_empty(),
                "AUTH has mtls, but no caller has certificates",
            ),
        ];
        let lacking = lacking.into_iter().filter(|(lacks, _)| *lacks);
        lacking.map(|(_, sentence)| sentence).collect()
    }
}
