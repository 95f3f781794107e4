//! The configured authentication.

use anyhow::bail;
use draftstore_auth::{Auth, Authenticator, PolicyFile};
use draftstore_runtime::reload::Reloader;
use draftstore_service::Buckets;
use draftstore_service::caller::Profile;
use draftstore_service::draft::ProfileSource;
use draftstore_storage::{BucketName, MainBucket};

use crate::config::Config;

/// The authenticator, and the reloader of its policy's files.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) authenticator: Authenticator,
    pub(crate) policy: Option<Reloader<PolicyFile>>,
}

impl Access {
    /// Creates the authenticator, with the configured policy.
    ///
    /// # Errors
    /// An error if the server would be reachable without authentication and without `AUTH=none`, if it has no lasting secret, or
    /// if the policy is invalid.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let (authenticator, policy) = match config.authentication()? {
            Auth::None => (Authenticator::none(), None),
            Auth::Required { methods, policy_file } => {
                let (authenticator, policy) = Authenticator::open(methods, policy_file).await?;
                require_buckets(&authenticator, &config.shared.buckets)?;
                (authenticator, Some(policy))
            }
        };
        Ok(Self { authenticator, policy })
    }
}

/// Checks that the policy has no destination in a bucket that is not configured.
fn require_buckets(authenticator: &Authenticator, buckets: &Buckets) -> anyhow::Result<()> {
    let known = |bucket: &BucketName| {
        let others = buckets.destinations.iter().map(MainBucket::name);
        others.chain([buckets.main.name()]).any(|name| name == bucket)
    };
    for (name, destination) in authenticator.destinations() {
        if let Some(bucket) = destination.bucket.as_ref().filter(|bucket| !known(bucket)) {
            bail!("the policy has destinations.{name}.bucket = '{bucket}', which must be in DESTINATION_BUCKETS");
        }
    }
    Ok(())
}

/// The profiles of the current policy.
#[derive(Debug)]
pub(crate) struct PolicyProfiles(pub(crate) Authenticator);

impl ProfileSource for PolicyProfiles {
    fn named(&self, name: &str) -> Option<Profile> {
        self.0.profiles()?.get(name).cloned()
    }
}
