//! `HeadBucket`, `CreateBucket` and `PutBucketCors`.

use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::types::{BucketLocationConstraint, CorsConfiguration, CorsRule as SdkRule, CreateBucketConfiguration};
use draftstore_storage::{BucketName, CorsRule, Created, Error, ErrorKind, Operation};

use crate::S3Storage;
use crate::error::Call;

/// The region that AWS refuses as a location constraint.
const DEFAULT_REGION: &str = "us-east-1";

/// The time that browsers may cache a preflight, in seconds. Chromium limits it to two hours.
const CORS_MAX_AGE: i32 = 3600;

/// Checks that the bucket exists.
pub(crate) async fn look(s3: &S3Storage, bucket: &BucketName) -> Result<(), Error> {
    let call = Call::on_bucket(Operation::HeadBucket, bucket);
    let head = s3.client.head_bucket().bucket(bucket.as_str()).send().await;
    head.map(drop).map_err(|error| call.failed(&error))
}

/// Creates a bucket if it does not exist. Checks first: in its default region AWS answers 200 for a bucket that exists.
pub(crate) async fn create_bucket(s3: &S3Storage, bucket: &BucketName) -> Result<Created, Error> {
    let call = Call::on_bucket(Operation::CreateBucket, bucket);
    match s3.client.head_bucket().bucket(bucket.as_str()).send().await {
        Ok(_) => return Ok(Created::Before),
        Err(error) => {
            let error = call.failed(&error);
            if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::BucketNotFound) {
                return Err(error);
            }
        }
    }
    let location = (s3.region != DEFAULT_REGION).then(|| {
        let region = BucketLocationConstraint::from(s3.region.as_str());
        CreateBucketConfiguration::builder().location_constraint(region).build()
    });
    let made = s3
        .client
        .create_bucket()
        .bucket(bucket.as_str())
        .set_create_bucket_configuration(location)
        .send()
        .await;
    match made {
        Ok(_) => Ok(Created::Now),
        // Another replica was faster.
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateBucketError::is_bucket_already_owned_by_you) =>
        {
            Ok(Created::Before)
        }
        Err(error) => Err(call.failed(&error)),
    }
}

pub(crate) async fn put_cors(s3: &S3Storage, bucket: &BucketName, rule: &CorsRule) -> Result<(), Error> {
    let call = Call::on_bucket(Operation::PutBucketCors, bucket);
    let rule = SdkRule::builder()
        .set_allowed_origins(Some(rule.allowed_origins.clone()))
        .set_allowed_methods(Some(
            ["GET", "HEAD", "PUT", "POST", "DELETE"].map(ToOwned::to_owned).to_vec(),
        ))
        .allowed_headers("*")
        .expose_headers("ETag")
        .expose_headers("Location")
        .max_age_seconds(CORS_MAX_AGE)
        .build()
        .map_err(|error| call.unexpected(error.to_string()))?;
    let rules = CorsConfiguration::builder().cors_rules(rule).build();
    let rules = rules.map_err(|error| call.unexpected(error.to_string()))?;
    let put = s3
        .client
        .put_bucket_cors()
        .bucket(bucket.as_str())
        .cors_configuration(rules)
        .send()
        .await;
    put.map(drop).map_err(|error| call.failed(&error))
}
