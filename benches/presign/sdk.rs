//! The presigner of the AWS SDK, which does not validate its input.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use draftstore_benches::{ACCESS_KEY_ID, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL};
use draftstore_service::draft::IssueUpload;

/// Returns a client with the endpoint and credentials of the service's storage.
pub(crate) fn client() -> Client {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "benchmark");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(ENDPOINT)
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .credentials_provider(credentials);
    Client::from_conf(config.build())
}

/// Signs the upload URL that the service would issue for this request.
pub(crate) async fn sign(client: &Client, request: &IssueUpload) -> anyhow::Result<PresignedRequest> {
    let metadata = (!request.metadata.is_empty()).then(|| request.metadata.clone().into_iter().collect());
    let seconds = request.expires_in.map(u64::try_from).transpose()?;
    let validity = seconds.map_or(UPLOAD_TTL, Duration::from_secs);
    let put = client
        .put_object()
        .bucket(DRAFT_BUCKET)
        .key(&request.object_name)
        .set_content_length(request.content_length)
        .set_content_type(request.content_type.clone())
        .set_checksum_sha256(request.checksum_sha256.clone())
        .set_metadata(metadata);
    Ok(put.presigned(PresigningConfig::expires_in(validity)?).await?)
}
