//! Authentication as it is configured.

use draftstore_auth::{Auth, Authenticator, PolicyFile};
use draftstore_runtime::reload::Reloader;

use crate::config::Config;

/// The authenticator, and the follower of its policy's files.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) authenticator: Authenticator,
    pub(crate) policy: Option<Reloader<PolicyFile>>,
}

impl Access {
    /// Opens the policy that is configured.
    ///
    /// # Errors
    /// When nothing says that the server may be open to others, or the policy cannot be used.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let (authenticator, policy) = match config.authentication()? {
            Auth::None => (Authenticator::none(), None),
            Auth::Required { methods, policy_file } => {
                let (authenticator, policy) = Authenticator::open(methods, policy_file).await?;
                (authenticator, Some(policy))
            }
        };
        Ok(Self { authenticator, policy })
    }
}
