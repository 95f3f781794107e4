//! The expected owner of the buckets, sent with every call, so that none reaches a bucket of another account.

use std::fmt;
use std::str::FromStr;

use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

const OWNER: &str = "x-amz-expected-bucket-owner";
const SOURCE_OWNER: &str = "x-amz-source-expected-bucket-owner";

/// An AWS account, by its ID.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketOwner(String);

/// The error for a text that is no account ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the 12 digits of an AWS account's ID")]
pub struct InvalidBucketOwner;

impl FromStr for BucketOwner {
    type Err = InvalidBucketOwner;

    fn from_str(text: &str) -> Result<Self, InvalidBucketOwner> {
        let is_id = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        is_id.then(|| Self(text.to_owned())).ok_or(InvalidBucketOwner)
    }
}

impl fmt::Display for BucketOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Puts the owner into every call of a client, and into copies that of their source, before they are signed.
#[derive(Debug, Clone)]
pub(crate) struct ExpectOwner(pub(super) BucketOwner);

impl Intercept for ExpectOwner {
    fn name(&self) -> &'static str {
        "ExpectOwner"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What is to be made has no owner, and S3 lists no such header there.
        if operation(config) == "CreateBucket" {
            return Ok(());
        }
        let Self(owner) = self;
        let headers = context.request_mut().headers_mut();
        headers.insert(OWNER, owner.0.clone());
        if headers.contains_key("x-amz-copy-source") {
            headers.insert(SOURCE_OWNER, owner.0.clone());
        }
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().status().as_u16() == 403 {
            tracing::warn!(
                operation = operation(config),
                expected.owner = %self.0,
                "call forbidden, bucket owner may differ"
            );
        }
        Ok(())
    }
}

fn operation(config: &ConfigBag) -> &str {
    config.load::<Metadata>().map_or("", Metadata::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_twelve_digits() {
        assert!("012345678901".parse::<BucketOwner>().is_ok());
        for bad in [
            "",
            "12345678901",
            "1234567890123",
            "1234-5678-90",
            "12345678901a",
            "１２３４",
        ] {
            assert_eq!(bad.parse::<BucketOwner>(), Err(InvalidBucketOwner), "{bad}");
        }
    }
}
