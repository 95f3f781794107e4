//! Who is asked who they are, as the configuration has it.

use draftstore_auth::follow::Follower;
use draftstore_auth::{Authenticator, PolicyFile, Ways};
use draftstore_runtime::config::{Auth, Config};

/// What recognises callers, and what keeps it as the policy's files are.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) authenticator: Authenticator,
    pub(crate) policy: Option<Follower<PolicyFile>>,
}

impl Access {
    /// As configured.
    ///
    /// # Errors
    /// When nothing says that the server may be open to others, or the policy cannot be used.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let (authenticator, policy) = match config.auth_of_server()? {
            Auth::Nobody => (Authenticator::none(), None),
            Auth::By { ways, policy_file } => {
                let ways = Ways {
                    api_key: ways.api_key,
                    jwt: ways.jwt,
                    mtls: ways.mtls,
                };
                let (authenticator, policy) = Authenticator::open(ways, policy_file).await?;
                (authenticator, Some(policy))
            }
        };
        Ok(Self { authenticator, policy })
    }
}
