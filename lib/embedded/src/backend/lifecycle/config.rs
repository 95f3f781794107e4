//! The lifecycle configuration of a bucket. It is kept as the XML of S3, once it is known to be valid.

use std::collections::HashSet;

use s3s::dto::{
    BucketLifecycleConfiguration, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, ExpirationStatus,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput, Timestamp,
    TransitionDefaultMinimumObjectSize, TransitionStorageClass,
};
use s3s::xml::{Deserialize as _, Deserializer, Serialize as _, Serializer};
use s3s::{S3Error, S3Result, s3_error};

use super::super::Backend;
use crate::clock::{self, DAY_MS};
use crate::index::ObjectClass;

/// The maximum number of rules in a configuration.
const MAX_RULES: usize = 1000;
/// The maximum length of a rule's ID, in characters.
const MAX_ID: usize = 255;

pub(in super::super) async fn put(
    backend: &Backend,
    input: PutBucketLifecycleConfigurationInput,
) -> S3Result<PutBucketLifecycleConfigurationOutput> {
    let minimum = input.transition_default_minimum_object_size.as_ref();
    let by_class = TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS;
    if minimum.is_some_and(|minimum| minimum.as_str() != by_class) {
        return Err(s3_error!(
            NotImplemented,
            "This store moves objects of every size: filter rules by ObjectSizeGreaterThan instead."
        ));
    }
    let mut config = input
        .lifecycle_configuration
        .ok_or_else(|| malformed("There is no configuration."))?;
    validate(&mut config)?;
    let mut xml = Vec::new();
    let written = config.serialize(&mut Serializer::new(&mut xml));
    let xml = written.ok().and_then(|()| String::from_utf8(xml).ok());
    let xml = xml.ok_or_else(|| malformed("The configuration cannot be written."))?;
    set(backend, input.bucket, Some(xml)).await?;
    Ok(PutBucketLifecycleConfigurationOutput::default())
}

pub(in super::super) async fn get(
    backend: &Backend,
    input: GetBucketLifecycleConfigurationInput,
) -> S3Result<GetBucketLifecycleConfigurationOutput> {
    let bucket = backend.read(move |snapshot| snapshot.bucket(&input.bucket)).await?;
    let rules = bucket.lifecycle.as_deref().and_then(parse).ok_or_else(|| {
        s3_error!(
            NoSuchLifecycleConfiguration,
            "The lifecycle configuration does not exist"
        )
    })?;
    Ok(GetBucketLifecycleConfigurationOutput {
        rules: Some(rules),
        ..GetBucketLifecycleConfigurationOutput::default()
    })
}

pub(in super::super) async fn delete(
    backend: &Backend,
    input: DeleteBucketLifecycleInput,
) -> S3Result<DeleteBucketLifecycleOutput> {
    set(backend, input.bucket, None).await?;
    Ok(DeleteBucketLifecycleOutput::default())
}

async fn set(backend: &Backend, bucket: String, xml: Option<String>) -> S3Result<()> {
    let change = backend.update_bucket(bucket, |record| {
        record.lifecycle = xml;
        Ok(())
    });
    change.await
}

/// Returns the rules of a stored configuration.
pub(super) fn parse(xml: &str) -> Option<Vec<LifecycleRule>> {
    let config = BucketLifecycleConfiguration::deserialize(&mut Deserializer::new(xml.as_bytes()));
    config.ok().map(|config| config.rules)
}

/// Checks the rules and gives those without an ID one.
fn validate(config: &mut BucketLifecycleConfiguration) -> S3Result<()> {
    if config.rules.is_empty() || config.rules.len() > MAX_RULES {
        return Err(malformed("A configuration has 1 to 1000 rules."));
    }
    let mut ids = HashSet::new();
    for rule in &mut config.rules {
        let id = rule.id.get_or_insert_with(|| hex::encode(rand::random::<[u8; 16]>()));
        if id.chars().count() > MAX_ID {
            return Err(invalid("ID length should not exceed allowed limit of 255"));
        }
        if !ids.insert(id.clone()) {
            return Err(invalid("Rule ID must be unique. Found same ID for more than one rule"));
        }
        validate_rule(rule)?;
    }
    Ok(())
}

fn validate_rule(rule: &LifecycleRule) -> S3Result<()> {
    if ![ExpirationStatus::ENABLED, ExpirationStatus::DISABLED].contains(&rule.status.as_str()) {
        return Err(malformed("Status must be Enabled or Disabled."));
    }
    if rule.prefix.is_some() && rule.filter.is_some() {
        return Err(malformed("A rule has a Prefix or a Filter."));
    }
    let selects_by_object = rule.filter.as_ref().map(validate_filter).transpose()? == Some(true);
    let transitions = rule.transitions.iter().flatten();
    let noncurrent = rule.noncurrent_version_transitions.iter().flatten();
    let mut actions = 0;
    for transition in transitions {
        actions += 1;
        validate_time(transition.days, transition.date.as_ref(), 0)?;
        validate_class(transition.storage_class.as_ref())?;
    }
    for transition in noncurrent {
        actions += 1;
        validate_noncurrent(transition.noncurrent_days, transition.newer_noncurrent_versions, 0)?;
        validate_class(transition.storage_class.as_ref())?;
    }
    if let Some(expiration) = &rule.expiration {
        actions += 1;
        validate_expiration(expiration, selects_by_object)?;
    }
    if let Some(expiration) = &rule.noncurrent_version_expiration {
        actions += 1;
        validate_noncurrent(expiration.noncurrent_days, expiration.newer_noncurrent_versions, 1)?;
    }
    if let Some(abort) = &rule.abort_incomplete_multipart_upload {
        actions += 1;
        if selects_by_object {
            return Err(invalid(
                "AbortIncompleteMultipartUpload cannot be specified with Tags or ObjectSize.",
            ));
        }
        validate_time(abort.days_after_initiation, None, 1)?;
    }
    if actions == 0 {
        return Err(invalid("At least one action needs to be specified in a rule"));
    }
    Ok(())
}

/// Returns true if the filter selects by tags or sizes, which an upload does not have yet.
fn validate_filter(filter: &LifecycleRuleFilter) -> S3Result<bool> {
    let LifecycleRuleFilter {
        and,
        object_size_greater_than,
        object_size_less_than,
        prefix,
        tag,
        ..
    } = filter;
    let conditions = [
        and.is_some(),
        object_size_greater_than.is_some(),
        object_size_less_than.is_some(),
        prefix.is_some(),
        tag.is_some(),
    ];
    if conditions.into_iter().filter(|given| *given).count() > 1 {
        return Err(malformed("A Filter has one condition, or an And of several."));
    }
    let in_and = and.as_ref().is_some_and(|and| {
        and.tags.as_ref().is_some_and(|tags| !tags.is_empty())
            || and.object_size_greater_than.is_some()
            || and.object_size_less_than.is_some()
    });
    Ok(in_and || tag.is_some() || object_size_greater_than.is_some() || object_size_less_than.is_some())
}

fn validate_expiration(expiration: &LifecycleExpiration, selects_by_object: bool) -> S3Result<()> {
    match expiration.expired_object_delete_marker {
        Some(_) if expiration.days.is_some() || expiration.date.is_some() => Err(malformed(
            "ExpiredObjectDeleteMarker cannot be combined with Days or Date.",
        )),
        Some(_) if selects_by_object => Err(invalid(
            "ExpiredObjectDeleteMarker cannot be specified with Tags or ObjectSize.",
        )),
        Some(_) => Ok(()),
        None => validate_time(expiration.days, expiration.date.as_ref(), 1),
    }
}

fn validate_time(days: Option<i32>, date: Option<&Timestamp>, least: i32) -> S3Result<()> {
    match (days, date) {
        (Some(days), None) if days >= least => Ok(()),
        (Some(_), None) => Err(invalid("Days must be a positive integer.")),
        (None, Some(date)) if clock::timestamp_seconds(date) * 1000 % DAY_MS == 0 => Ok(()),
        (None, Some(_)) => Err(invalid("'Date' must be at midnight GMT")),
        _ => Err(malformed("A rule has Days or a Date.")),
    }
}

fn validate_noncurrent(days: Option<i32>, newer: Option<i32>, least: i32) -> S3Result<()> {
    if days.is_none_or(|days| days < least) {
        return Err(invalid("NoncurrentDays must be a positive integer."));
    }
    if newer.is_some_and(|newer| !(1..=100).contains(&newer)) {
        return Err(invalid("NewerNoncurrentVersions must be from 1 to 100."));
    }
    Ok(())
}

fn validate_class(class: Option<&TransitionStorageClass>) -> S3Result<()> {
    let class = class.map(TransitionStorageClass::as_str);
    let known = class.and_then(|class| ObjectClass::parse(Some(class)).ok());
    match known {
        None | Some(ObjectClass::Standard | ObjectClass::ReducedRedundancy) => {
            Err(malformed("StorageClass must be one that objects can move to."))
        }
        Some(_) => Ok(()),
    }
}

fn malformed(message: &'static str) -> S3Error {
    s3_error!(MalformedXML, "{message}")
}

fn invalid(message: &'static str) -> S3Error {
    s3_error!(InvalidArgument, "{message}")
}
