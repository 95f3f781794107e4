//! Where credentials come from.

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::settings::{Signing, StaticCredentials};

/// The name of a role's sessions in the store's own log.
const SESSION_NAME: &str = "draftstore-signer";

/// Returns the provider that signs uploads: a role is assumed with `own`. Loads nothing yet.
pub(crate) async fn signing(
    signing: Signing,
    own: &SharedCredentialsProvider,
    region: &str,
) -> SharedCredentialsProvider {
    match signing {
        Signing::Static(given) => fixed(given),
        Signing::Role { arn } => {
            let config = aws_config::defaults(BehaviorVersion::latest())
                .region(Region::new(region.to_owned()))
                .credentials_provider(own.clone())
                .load()
                .await;
            let role = AssumeRoleProvider::builder(arn).session_name(SESSION_NAME);
            let role = role.region(Region::new(region.to_owned())).configure(&config);
            SharedCredentialsProvider::new(role.build_from_provider(own.clone()).await)
        }
    }
}

/// Returns a provider of the credentials given, or else the SDK's default chain. Loads nothing yet.
pub(crate) async fn provider(given: Option<StaticCredentials>, region: &str) -> SharedCredentialsProvider {
    let Some(given) = given else {
        let chain = DefaultCredentialsChain::builder()
            .region(Region::new(region.to_owned()))
            .build()
            .await;
        return SharedCredentialsProvider::new(chain);
    };
    fixed(given)
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
