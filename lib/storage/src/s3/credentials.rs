//! Where credentials come from.

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use super::settings::StaticCredentials;

/// The credentials given, or else the SDK's default chain. Asks nobody yet.
pub(super) async fn provider(given: Option<StaticCredentials>, region: &str) -> SharedCredentialsProvider {
    let Some(given) = given else {
        let chain = DefaultCredentialsChain::builder()
            .region(Region::new(region.to_owned()))
            .build()
            .await;
        return SharedCredentialsProvider::new(chain);
    };
    SharedCredentialsProvider::new(Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        given.session_token,
        given.expires_at,
        "settings",
    ))
}
