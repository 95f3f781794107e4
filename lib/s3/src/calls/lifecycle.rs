//! `GetBucketLifecycleConfiguration` and `PutBucketLifecycleConfiguration`.

use std::collections::BTreeMap;

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    self, AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration,
    LifecycleRule, LifecycleRuleFilter, TransitionDefaultMinimumObjectSize,
};
use draftstore_storage::{
    BucketName, DraftBucket, Error, ErrorKind, Lifecycle, MainBucket, NoncurrentRule, Operation, Transition,
};

use crate::S3Storage;
use crate::error::Call;

/// The ID of the rule that doctor sets on the draft bucket. Other rules are kept.
const DRAFTS_ID: &str = "draftstore-drafts";

/// The beginning of the IDs of the rules that doctor sets on main. Other rules are kept.
const TRANSITIONS_ID: &str = "draftstore-transitions-";

/// The configuration of a bucket.
#[derive(Debug, Default)]
struct Configuration {
    rules: Vec<LifecycleRule>,
    /// The treatment of small objects by transitions, which is a part of the configuration on AWS.
    minimum: Option<TransitionDefaultMinimumObjectSize>,
}

pub(crate) async fn get_lifecycle(s3: &S3Storage, bucket: &DraftBucket) -> Result<Lifecycle, Error> {
    let Configuration { rules, .. } = configuration(s3, bucket.name()).await?;
    let whole = || rules.iter().filter(|rule| only_prefix(rule) == Some(""));
    let expiring = whole().filter_map(|rule| rule.expiration()?.days());
    let aborting = whole().filter_map(|rule| rule.abort_incomplete_multipart_upload()?.days_after_initiation());
    Ok(Lifecycle {
        expire_after_days: expiring.filter_map(|days| days.try_into().ok()).min(),
        abort_uploads_after_days: aborting.filter_map(|days| days.try_into().ok()).min(),
    })
}

pub(crate) async fn noncurrent_rules(s3: &S3Storage, bucket: &MainBucket) -> Result<Vec<NoncurrentRule>, Error> {
    let Configuration { rules, .. } = configuration(s3, bucket.name()).await?;
    Ok(rules.iter().filter_map(noncurrent).collect())
}

pub(crate) async fn transitions(s3: &S3Storage, bucket: &MainBucket) -> Result<Vec<Transition>, Error> {
    let Configuration { rules, .. } = configuration(s3, bucket.name()).await?;
    Ok(rules.iter().flat_map(transitions_of).collect())
}

/// Sets the rule of the draft bucket.
pub(crate) async fn put_lifecycle(s3: &S3Storage, bucket: &DraftBucket, lifecycle: &Lifecycle) -> Result<(), Error> {
    let is_own = |id: &str| id == DRAFTS_ID;
    replace(s3, bucket.name(), is_own, drafts_rule(lifecycle).map(|rule| vec![rule])).await
}

/// Sets the rules of main: one for each prefix.
pub(crate) async fn put_transitions(
    s3: &S3Storage,
    bucket: &MainBucket,
    transitions: &[Transition],
) -> Result<(), Error> {
    let mut by_prefix: BTreeMap<&str, Vec<&Transition>> = BTreeMap::new();
    for transition in transitions {
        by_prefix.entry(&transition.prefix).or_default().push(transition);
    }
    let rules = by_prefix.iter().zip(1..);
    let rules = rules.map(|((prefix, transitions), number)| transitions_rule(number, prefix, transitions));
    let is_own = |id: &str| id.starts_with(TRANSITIONS_ID);
    replace(s3, bucket.name(), is_own, rules.collect()).await
}

/// Replaces the rules with our own IDs. The call replaces all rules of a bucket, so the others are read first and sent again.
async fn replace(
    s3: &S3Storage,
    bucket: &BucketName,
    is_own: impl Fn(&str) -> bool,
    rules: Result<Vec<LifecycleRule>, BuildError>,
) -> Result<(), Error> {
    let call = Call::on_bucket(Operation::PutBucketLifecycleConfiguration, bucket);
    let own = rules.map_err(|error| call.unexpected(error.to_string()))?;
    let Configuration { rules, minimum } = configuration(s3, bucket).await?;
    let (before, mut rules): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| rule.id().is_some_and(&is_own));
    if before == own {
        return Ok(());
    }
    rules.extend(own);
    if rules.is_empty() {
        let delete = s3.client.delete_bucket_lifecycle().bucket(bucket.as_str());
        return delete.send().await.map(drop).map_err(|error| call.failed(&error));
    }
    let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
    let put = s3
        .client
        .put_bucket_lifecycle_configuration()
        .bucket(bucket.as_str())
        .set_transition_default_minimum_object_size(minimum)
        .lifecycle_configuration(rules.map_err(|error| call.unexpected(error.to_string()))?)
        .send()
        .await;
    put.map(drop).map_err(|error| call.failed(&error))
}

/// Returns the configuration of a bucket, which has no rules if none were ever set.
async fn configuration(s3: &S3Storage, bucket: &BucketName) -> Result<Configuration, Error> {
    let call = Call::on_bucket(Operation::GetBucketLifecycleConfiguration, bucket);
    let request = s3.client.get_bucket_lifecycle_configuration();
    match request.bucket(bucket.as_str()).send().await {
        Ok(answer) => Ok(Configuration {
            minimum: answer.transition_default_minimum_object_size,
            rules: answer.rules.unwrap_or_default(),
        }),
        Err(error) => {
            let error = call.failed(&error);
            if error.kind == ErrorKind::NotFound {
                Ok(Configuration::default())
            } else {
                Err(error)
            }
        }
    }
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

/// Returns the transitions of a rule that selects by its prefix alone. Those at a date are left out.
fn transitions_of(rule: &LifecycleRule) -> Vec<Transition> {
    let Some(prefix) = only_prefix(rule) else {
        return Vec::new();
    };
    let transitions = rule.transitions().iter().filter_map(|transition| {
        Some(Transition {
            prefix: prefix.to_owned(),
            days: transition.days()?.try_into().ok()?,
            storage_class: transition.storage_class()?.as_str().to_owned(),
        })
    });
    transitions.collect()
}

fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

fn drafts_rule(lifecycle: &Lifecycle) -> Result<LifecycleRule, BuildError> {
    let expiration = lifecycle.expire_after_days.map(days);
    let expiration = expiration.map(|days| LifecycleExpiration::builder().days(days).build());
    let abort = lifecycle.abort_uploads_after_days.map(|after| {
        AbortIncompleteMultipartUpload::builder()
            .days_after_initiation(days(after))
            .build()
    });
    LifecycleRule::builder()
        .id(DRAFTS_ID)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .set_expiration(expiration)
        .set_abort_incomplete_multipart_upload(abort)
        .build()
}

fn transitions_rule(number: usize, prefix: &str, transitions: &[&Transition]) -> Result<LifecycleRule, BuildError> {
    let transition = |transition: &&Transition| {
        types::Transition::builder()
            .days(days(transition.days))
            .storage_class(transition.storage_class.as_str().into())
            .build()
    };
    LifecycleRule::builder()
        .id(format!("{TRANSITIONS_ID}{number}"))
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
        .set_transitions(Some(transitions.iter().map(transition).collect()))
        .build()
}

/// Returns the prefix of an enabled rule, or `None` if the rule selects by something else too.
fn only_prefix(rule: &LifecycleRule) -> Option<&str> {
    let filter = rule.filter();
    let narrowed = filter.is_some_and(|filter| {
        filter.tag().is_some()
            || filter.and().is_some()
            || filter.object_size_greater_than().is_some()
            || filter.object_size_less_than().is_some()
    });
    #[expect(deprecated, reason = "rules of before filters have their prefix here")]
    let before = rule.prefix();
    let prefix = filter.and_then(LifecycleRuleFilter::prefix).or(before);
    (*rule.status() == ExpirationStatus::Enabled && !narrowed).then_some(prefix.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{LifecycleRuleAndOperator, NoncurrentVersionExpiration};

    use super::*;

    #[test]
    fn rules_that_select_by_more_than_a_prefix_do_not_count() {
        let week = LifecycleExpiration::builder().days(7).build();
        let rule = |prefix: &str, status| {
            let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
            let rule = LifecycleRule::builder().filter(filter).status(status);
            rule.expiration(week.clone()).build().expect("a rule")
        };
        assert_eq!(only_prefix(&rule("", ExpirationStatus::Enabled)), Some(""));
        assert_eq!(only_prefix(&rule("", ExpirationStatus::Disabled)), None);
        assert_eq!(only_prefix(&rule("logs/", ExpirationStatus::Enabled)), Some("logs/"));
        let mut small = rule("", ExpirationStatus::Enabled);
        small.filter = Some(LifecycleRuleFilter::builder().object_size_less_than(9).build());
        assert_eq!(only_prefix(&small), None);
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
