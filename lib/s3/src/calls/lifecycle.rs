//! `GetBucketLifecycleConfiguration` and `PutBucketLifecycleConfiguration`.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter,
};
use draftstore_storage::{BucketName, DraftBucket, Error, ErrorKind, Lifecycle, MainBucket, NoncurrentRule, Operation};

use crate::S3Storage;
use crate::error::Call;

/// The ID of the rule that doctor sets. Other rules are kept.
const RULE_ID: &str = "draftstore-drafts";

pub(crate) async fn get_lifecycle(s3: &S3Storage, bucket: &DraftBucket) -> Result<Lifecycle, Error> {
    let rules = rules(s3, bucket.name()).await?;
    let whole = || rules.iter().filter(|rule| is_of_the_whole_bucket(rule));
    let expiring = whole().filter_map(|rule| rule.expiration()?.days());
    let aborting = whole().filter_map(|rule| rule.abort_incomplete_multipart_upload()?.days_after_initiation());
    Ok(Lifecycle {
        expire_after_days: expiring.filter_map(|days| days.try_into().ok()).min(),
        abort_uploads_after_days: aborting.filter_map(|days| days.try_into().ok()).min(),
    })
}

pub(crate) async fn noncurrent_rules(s3: &S3Storage, bucket: &MainBucket) -> Result<Vec<NoncurrentRule>, Error> {
    Ok(rules(s3, bucket.name()).await?.iter().filter_map(noncurrent).collect())
}

/// Returns the rule for older versions, if this is one. Its conditions on tags and sizes are left out, and so is the number of
/// versions that it keeps: a version stays longer than the rule says, never shorter.
fn noncurrent(rule: &LifecycleRule) -> Option<NoncurrentRule> {
    let days = rule.noncurrent_version_expiration()?.noncurrent_days()?;
    let filter = rule.filter();
    #[expect(deprecated, reason = "rules of before filters have their prefix here")]
    let before = rule.prefix();
    let prefix = filter.and_then(|filter| filter.prefix().or_else(|| filter.and()?.prefix()));
    (*rule.status() == ExpirationStatus::Enabled).then_some(NoncurrentRule {
        prefix: prefix.or(before).unwrap_or_default().to_owned(),
        days: days.try_into().ok()?,
    })
}

/// Adds the rule. The call replaces all rules of a bucket, so the others are read first and sent again.
pub(crate) async fn put_lifecycle(s3: &S3Storage, bucket: &DraftBucket, lifecycle: &Lifecycle) -> Result<(), Error> {
    let call = Call::on_bucket(Operation::PutBucketLifecycleConfiguration, bucket.name());
    let mut rules = rules(s3, bucket.name()).await?;
    rules.retain(|rule| rule.id() != Some(RULE_ID));
    rules.push(rule(lifecycle).map_err(|error| call.unexpected(error.to_string()))?);
    let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
    let put = s3
        .client
        .put_bucket_lifecycle_configuration()
        .bucket(bucket.name().as_str())
        .lifecycle_configuration(rules.map_err(|error| call.unexpected(error.to_string()))?)
        .send()
        .await;
    put.map(drop).map_err(|error| call.failed(&error))
}

/// Returns the rules of a bucket, which are none if none were ever set.
async fn rules(s3: &S3Storage, bucket: &BucketName) -> Result<Vec<LifecycleRule>, Error> {
    let call = Call::on_bucket(Operation::GetBucketLifecycleConfiguration, bucket);
    let request = s3.client.get_bucket_lifecycle_configuration();
    match request.bucket(bucket.as_str()).send().await {
        Ok(answer) => Ok(answer.rules.unwrap_or_default()),
        Err(error) => {
            let error = call.failed(&error);
            if error.kind == ErrorKind::NotFound {
                Ok(Vec::new())
            } else {
                Err(error)
            }
        }
    }
}

fn rule(lifecycle: &Lifecycle) -> Result<LifecycleRule, aws_sdk_s3::error::BuildError> {
    let days = |days: Option<u32>| days.map(|days| i32::try_from(days).unwrap_or(i32::MAX));
    let expiration = days(lifecycle.expire_after_days).map(|days| LifecycleExpiration::builder().days(days).build());
    let abort = days(lifecycle.abort_uploads_after_days).map(|days| {
        AbortIncompleteMultipartUpload::builder()
            .days_after_initiation(days)
            .build()
    });
    LifecycleRule::builder()
        .id(RULE_ID)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .set_expiration(expiration)
        .set_abort_incomplete_multipart_upload(abort)
        .build()
}

fn is_of_the_whole_bucket(rule: &LifecycleRule) -> bool {
    let narrowed_by_prefix = |prefix: Option<&str>| prefix.is_some_and(|prefix| !prefix.is_empty());
    let narrowed = rule.filter().is_some_and(|filter| {
        narrowed_by_prefix(filter.prefix())
            || filter.tag().is_some()
            || filter.and().is_some()
            || filter.object_size_greater_than().is_some()
            || filter.object_size_less_than().is_some()
    });
    #[expect(deprecated, reason = "rules of before filters have their prefix here")]
    let narrowed_before = narrowed_by_prefix(rule.prefix());
    *rule.status() == ExpirationStatus::Enabled && !narrowed && !narrowed_before
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{LifecycleRuleAndOperator, NoncurrentVersionExpiration};

    use super::*;

    #[test]
    fn only_rules_that_hold_for_every_object_count() {
        let week = LifecycleExpiration::builder().days(7).build();
        let rule = |prefix: &str, status| {
            let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
            let rule = LifecycleRule::builder().filter(filter).status(status);
            rule.expiration(week.clone()).build().expect("a rule")
        };
        assert!(is_of_the_whole_bucket(&rule("", ExpirationStatus::Enabled)));
        assert!(!is_of_the_whole_bucket(&rule("", ExpirationStatus::Disabled)));
        assert!(!is_of_the_whole_bucket(&rule("logs/", ExpirationStatus::Enabled)));
    }

    #[test]
    fn rules_of_older_versions_have_their_prefix_and_days() {
        let week = NoncurrentVersionExpiration::builder().noncurrent_days(7).build();
        let of = |filter: LifecycleRuleFilter, status| {
            let rule = LifecycleRule::builder().filter(filter).status(status);
            let rule = rule
                .noncurrent_version_expiration(week.clone())
                .build()
                .expect("a rule");
            noncurrent(&rule).map(|rule| (rule.prefix, rule.days))
        };
        let filter = || LifecycleRuleFilter::builder();
        let and = LifecycleRuleAndOperator::builder().prefix("logs/").build();
        let enabled = ExpirationStatus::Enabled;
        assert_eq!(of(filter().build(), enabled.clone()), Some((String::new(), 7)));
        assert_eq!(
            of(filter().prefix("logs/").build(), enabled.clone()),
            Some(("logs/".to_owned(), 7))
        );
        assert_eq!(
            of(filter().and(and).build(), enabled.clone()),
            Some(("logs/".to_owned(), 7))
        );
        assert_eq!(of(filter().build(), ExpirationStatus::Disabled), None);
        let other = LifecycleRule::builder().filter(filter().build()).status(enabled);
        assert_eq!(noncurrent(&other.build().expect("a rule")), None);
    }
}
