//! Signing what the SDK has no presigner for: the steps of a multipart upload beside its parts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign as sign_request,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::Call;
use super::presign::{Validity, object_url, validity};
use super::signers::{Signer, Signers};
use crate::{Error, Method, Operation, PresignStep, PresignedRequest, SecretFields, SecretUrl, UploadId, UploadStep};

/// Signs a step. Nothing but the host is signed with it.
pub(super) async fn sign(signers: &Signers, region: &str, step: &PresignStep<'_>) -> Result<PresignedRequest, Error> {
    let call = Call::on_key(Operation::Presign, step.bucket.name(), step.key);
    let signer = signers
        .signer(step.now)
        .await
        .map_err(|error| call.without_credentials(&error))?;
    let validity = validity(call, &signer, step.now, step.expires_in)?;
    let (method, query) = request(step.step);
    let url = object_url(call, &signer, (step.bucket, step.key.as_str()), validity).await?;
    let url = format!("{url}?{query}");
    let signature = query_of_signature(&signer, region, (method, &url), validity);
    let signature = signature.map_err(|error| call.unexpected(error.to_string()))?;
    Ok(PresignedRequest {
        method,
        url: SecretUrl::new(format!("{url}{signature}")),
        headers: BTreeMap::new(),
        fields: SecretFields::default(),
        expires_at: validity.until(),
    })
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>
fn request(step: UploadStep<'_>) -> (Method, String) {
    match step {
        UploadStep::Create => (Method::Post, "uploads=".to_owned()),
        UploadStep::ListParts(id) => (Method::Get, of_upload(id)),
        UploadStep::Complete(id) => (Method::Post, of_upload(id)),
        UploadStep::Abort(id) => (Method::Delete, of_upload(id)),
    }
}

fn of_upload(id: &UploadId) -> String {
    format!("uploadId={}", encoded(id.as_str()))
}

/// What goes behind the URL's own query.
fn query_of_signature(
    signer: &Signer,
    region: &str,
    (method, url): (Method, &str),
    validity: Validity,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(validity.seconds));
    // S3 takes paths as they are.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let identity: Identity = signer.credentials().clone().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(validity.from)
        .settings(settings)
        .build()?
        .into();
    let no_headers = std::iter::empty::<(&str, &str)>();
    let request = SignableRequest::new(method.as_str(), url, no_headers, SignableBody::UnsignedPayload)?;
    let (instructions, _) = sign_request(request, &params)?.into_parts();
    let pair = |(name, value): &(&str, Cow<'_, str>)| format!("&{name}={}", encoded(value));
    Ok(instructions.params().iter().map(pair).collect())
}

/// Only what needs no escape by any reading stays.
fn encoded(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
        .replace("%2E", ".")
        .replace("%5F", "_")
        .replace("%7E", "~")
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::super::{S3Storage, Settings, StaticCredentials};
    use super::*;
    use crate::{BucketName, DraftBucket, ErrorKind, ObjectKey, Storage as _};

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_001)
    }

    async fn step(step: UploadStep<'_>, credentials: StaticCredentials) -> Result<PresignedRequest, Error> {
        let (draft, main): (BucketName, BucketName) = ("b-draft".parse().unwrap(), "main".parse().unwrap());
        let (bucket, _) = DraftBucket::pair(draft, main).unwrap();
        let settings = Settings {
            endpoint: Some("http://store:9000".into()),
            credentials: Some(credentials),
            ..Settings::new("us-east-1")
        };
        let step = PresignStep {
            bucket: &bucket,
            key: &ObjectKey::new("a b/ü+.txt").unwrap(),
            step,
            now: now(),
            expires_in: Duration::from_secs(3600),
        };
        S3Storage::connect(settings)
            .await
            .expect("good settings")
            .presign_step(&step)
            .await
    }

    #[tokio::test]
    async fn each_step_is_a_request_of_its_own() {
        let id = UploadId::new("a/b+c=&d");
        for (asked, method, query) in [
            (UploadStep::Create, Method::Post, "uploads="),
            (UploadStep::ListParts(&id), Method::Get, "uploadId=a%2Fb%2Bc%3D%26d"),
            (UploadStep::Complete(&id), Method::Post, "uploadId=a%2Fb%2Bc%3D%26d"),
            (UploadStep::Abort(&id), Method::Delete, "uploadId=a%2Fb%2Bc%3D%26d"),
        ] {
            let signed = step(asked, StaticCredentials::new("AKID", "hush"))
                .await
                .expect("signed");
            assert_eq!((signed.method, signed.headers), (method, BTreeMap::new()));
            let url = signed.url.expose();
            let start = format!("http://store:9000/b-draft/a%20b/%C3%BC%2B.txt?{query}&X-Amz-");
            assert!(url.starts_with(&start), "{url}");
            assert!(url.contains("&X-Amz-SignedHeaders=host&"), "{url}");
            assert!(url.contains("&X-Amz-Expires=3600&"), "{url}");
        }
    }

    #[tokio::test]
    async fn a_step_does_not_outlive_the_credentials_that_signed_it() {
        let mut temporary = StaticCredentials::new("AKID", "hush");
        temporary.session_token = Some("to/ken".to_owned());
        temporary.expires_at = Some(now() + Duration::from_secs(100));
        let signed = step(UploadStep::Create, temporary.clone()).await.expect("signed");
        assert_eq!(signed.expires_at, now() + Duration::from_secs(100));
        let url = signed.url.expose();
        assert!(
            url.contains("X-Amz-Security-Token=to%2Fken") && url.contains("X-Amz-Expires=100"),
            "{url}"
        );
        temporary.expires_at = Some(now());
        let refused = step(UploadStep::Create, temporary).await.expect_err("ended");
        assert_eq!(refused.kind, ErrorKind::CredentialsRefused);
    }
}
