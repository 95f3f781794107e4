//! The providers of credentials.

use aws_config::ConfigLoader;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::settings::{Signing, StaticCredentials};

/// The name of a role's sessions in the store's own log.
const SESSION_NAME: &str = "draftstore-signer";

/// Returns the provider that signs uploads: a role is assumed with `own`. Loads nothing yet.
pub(crate) async fn signing(
    signing: Signing,
    own: &SharedCredentialsProvider,
    config: ConfigLoader,
) -> SharedCredentialsProvider {
    match signing {
        Signing::Static(given) => fixed(given),
        Signing::Role { arn } => {
            let config = config.credentials_provider(own.clone()).load().await;
            let mut role = AssumeRoleProvider::builder(arn).session_name(SESSION_NAME);
            if let Some(region) = config.region() {
                role = role.region(region.clone());
            }
            SharedCredentialsProvider::new(role.configure(&config).build_from_provider(own.clone()).await)
        }
    }
}

/// Returns a provider of the credentials given, or else the SDK's default chain. Loads nothing yet.
pub(crate) async fn provider(given: Option<StaticCredentials>, config: ConfigLoader) -> SharedCredentialsProvider {
    if let Some(given) = given {
        return fixed(given);
    }
    let provider = config.load().await.credentials_provider();
    provider.expect("a config has the default chain")
}

fn fixed(given: StaticCredentials) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        given.session_token,
        given.expires_at,
        "settings",
    ))
}
