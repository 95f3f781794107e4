//! The settings in a profile of AWS, for those that the environment does not set.

use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_types::service_config::ServiceConfigKey;

use crate::Settings;

/// The region where neither the environment nor the profile names one. Most stores beside AWS accept any region.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// Completes the settings from the profile. Settings with credentials of their own are complete: a profile belongs to other
/// credentials.
pub(crate) async fn complete(mut settings: Settings) -> Settings {
    if settings.credentials.is_none() {
        let profile = Box::pin(load()).await;
        settings.region = settings.region.or_else(|| profile.region().map(ToString::to_string));
        settings.endpoint = settings.endpoint.or_else(|| endpoint(&profile));
        settings.use_fips = settings.use_fips.or(profile.use_fips());
        settings.use_dual_stack = settings.use_dual_stack.or(profile.use_dual_stack());
    }
    settings.region.get_or_insert_with(|| DEFAULT_REGION.to_owned());
    settings
}

async fn load() -> SdkConfig {
    // Not the metadata service of an instance, which takes seconds to fail elsewhere.
    let region = RegionProviderChain::first_try(ProfileFileRegionProvider::new());
    aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .no_credentials()
        .load()
        .await
}

/// Returns the endpoint of S3, or that of every service.
fn endpoint(profile: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL_S3")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let of_s3 = profile.service_config().and_then(|config| config.load_config(key));
    let endpoint = of_s3.or_else(|| profile.endpoint_url().map(str::to_owned));
    endpoint.filter(|endpoint| !endpoint.is_empty())
}
