//! The policy: the callers, their credentials, and their rights.

mod callers;
mod destinations;
mod file;
mod issuers;
mod name;
mod problems;
mod profiles;
mod reload;
mod sources;
mod tenants;
mod webhooks;

pub use name::{CallerName, InvalidCallerName};
pub use problems::InvalidPolicy;
pub use profiles::Profiles;
pub use reload::PolicyFile;
use sources::Sources;
use webhooks::Sender;

use std::sync::Arc;

use draftstore_service::caller::{Destinations, Tenant};
use draftstore_service::events::Endpoints;

use crate::api_key::KeyRing;
use crate::certificate::Certificates;
use crate::jwt::{Issuer, Keys, Remotes};
use crate::methods::AuthMethods;

use self::problems::Problems;

/// A policy that was validated.
#[derive(Debug)]
pub struct Policy {
    pub(crate) keys: KeyRing,
    pub(crate) certificates: Certificates,
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) destinations: Destinations,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) webhooks: Endpoints,
    /// The tenants that the policy names, the longest first.
    tenants: Vec<Tenant>,
}

impl Policy {
    /// Makes a policy from its files. It starts to fetch keys at URLs.
    ///
    /// # Errors
    /// [`InvalidPolicy`] with every broken rule.
    pub(crate) fn of(sources: &Sources, remotes: &Remotes, sender: &Sender) -> Result<Self, InvalidPolicy> {
        let mut problems = Problems::default();
        let mut policy = Self {
            keys: KeyRing::default(),
            certificates: Certificates::default(),
            issuers: Vec::new(),
            destinations: destinations::destinations(&sources.file.destinations, &mut problems),
            profiles: Arc::default(),
            webhooks: webhooks::endpoints(sources, sender, &mut problems),
            tenants: tenants::named(&sources.file),
        };
        let profiles = profiles::profiles(sources, &policy.destinations, &mut problems);
        tenants::check(&sources.file, &mut problems);
        callers::add(&mut policy, sources, &profiles, &mut problems);
        policy.issuers = issuers::issuers(sources, &profiles, remotes, &mut problems);
        policy.profiles = Arc::new(profiles);
        problems.finish(&sources.path, policy)
    }

    /// Returns the longest of the tenants that the policy names which has such names.
    pub(crate) fn tenant_of(&self, name: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| name.starts_with(tenant.prefix()))
    }

    /// Waits for the first fetch of every key set, in success or failure.
    pub(crate) async fn fetched(&self) {
        for issuer in &self.issuers {
            if let Keys::Remote(remote) = &issuer.keys {
                remote.first_fetch().await;
            }
        }
    }

    /// Returns an error for each of these methods that the policy has no credentials for.
    pub(crate) fn missing_credentials(&self, methods: AuthMethods) -> Vec<&'static str> {
        let lacking = [
            (
                methods.api_key && self.keys.is_empty(),
                "AUTH has api-key, but no caller has api_keys: create one with `draftstore-server key new`",
            ),
            (
                methods.jwt && self.issuers.is_empty(),
                "AUTH has jwt, but the policy has no issuers",
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
