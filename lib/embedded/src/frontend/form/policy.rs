//! Validation of a form's policy: its signature, its expiration, and its conditions.

use std::ops::Range;

use hmac::{Hmac, KeyInit as _, Mac as _};
use s3s::post_policy::{PostPolicy, PostPolicyCondition};
use s3s::{S3Error, S3Result, s3_error};
use sha2::Sha256;
use time::OffsetDateTime;

use super::FormFields;
use crate::keyring::{Keyring, POST_OBJECT};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The fields that need no condition.
const UNCONDITIONAL_FIELDS: [&str; 3] = ["x-amz-signature", "policy", "file"];

/// Returns the file sizes that the policy allows, in bytes.
///
/// # Errors
/// Returns 403 if the policy has expired, does not allow the form, or is not signed by a key that may upload, and 400 if
/// the document is not a policy.
pub(super) fn check(
    fields: &FormFields,
    keyring: &Keyring,
    bucket: &str,
    key: &str,
    now: OffsetDateTime,
) -> S3Result<Range<u64>> {
    let encoded = fields
        .get("policy")
        .ok_or_else(|| s3_error!(AccessDenied, "Anonymous access is forbidden."))?;
    let access_key_id = verify(fields, keyring, encoded)?;
    if !keyring.allows(access_key_id, POST_OBJECT, Some(bucket)) {
        return Err(s3_error!(AccessDenied));
    }
    let invalid = |error| {
        s3_error!(
            error,
            InvalidPolicyDocument,
            "Invalid Policy: the field policy must be a policy document in base64."
        )
    };
    let policy = PostPolicy::from_base64(encoded).map_err(invalid)?;
    if OffsetDateTime::from(policy.expiration.clone()) <= now {
        return Err(s3_error!(AccessDenied, "Invalid according to Policy: Policy expired."));
    }
    let value = |field: &str| match field {
        "bucket" => Some(bucket),
        "key" => Some(key),
        other => fields.get(other),
    };
    let mut len = 0..u64::MAX;
    for condition in &policy.conditions {
        let holds = match condition {
            PostPolicyCondition::Eq { field, value: wanted } => value(field) == Some(wanted),
            PostPolicyCondition::StartsWith { field, prefix } => {
                value(field).is_some_and(|value| starts_with(field, value, prefix))
            }
            PostPolicyCondition::ContentLengthRange { min, max } => {
                len = len.start.max(*min)..len.end.min(*max);
                true
            }
        };
        if !holds {
            return Err(not_allowed(&describe(condition)));
        }
    }
    let named = |name: &str| {
        policy.conditions.iter().any(|condition| match condition {
            PostPolicyCondition::Eq { field, .. } | PostPolicyCondition::StartsWith { field, .. } => field == name,
            PostPolicyCondition::ContentLengthRange { .. } => false,
        })
    };
    let extra = |name: &str| !UNCONDITIONAL_FIELDS.contains(&name) && !name.starts_with("x-ignore-") && !named(name);
    match fields.iter().find(|(name, _)| extra(name)) {
        Some((name, _)) => Err(not_allowed(&format!("Extra input fields: {name}"))),
        None => Ok(len),
    }
}

/// Tests a prefix condition. Every member of a `Content-Type` list must have the prefix.
fn starts_with(field: &str, value: &str, prefix: &str) -> bool {
    if field == "content-type" {
        return value.split(',').all(|member| member.trim_start().starts_with(prefix));
    }
    value.starts_with(prefix)
}

fn describe(condition: &PostPolicyCondition) -> String {
    let (kind, field) = match condition {
        PostPolicyCondition::Eq { field, .. } => ("eq", field.as_str()),
        PostPolicyCondition::StartsWith { field, .. } => ("starts-with", field.as_str()),
        PostPolicyCondition::ContentLengthRange { .. } => ("content-length-range", ""),
    };
    format!("Policy Condition failed: [\"{kind}\", \"${field}\"]")
}

fn not_allowed(why: &str) -> S3Error {
    s3_error!(AccessDenied, "Invalid according to Policy: {why}")
}

/// Verifies the signature of the policy, and returns the access key ID that signed it.
fn verify<'a>(fields: &'a FormFields, keyring: &Keyring, encoded: &str) -> S3Result<&'a str> {
    // Forms signed by version 2 have the field `AWSAccessKeyId`. AWS accepts them in buckets from before June 2020 alone.
    let is_version_2 = fields.get("awsaccesskeyid").is_some();
    if is_version_2 || fields.require("x-amz-algorithm")? != ALGORITHM {
        return Err(s3_error!(
            InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
        ));
    }
    let scope: Vec<_> = fields.require("x-amz-credential")?.split('/').collect();
    let &[access_key_id, date, region, "s3", "aws4_request"] = scope.as_slice() else {
        return Err(s3_error!(
            InvalidArgument,
            "The field x-amz-credential must be KEY/DATE/REGION/s3/aws4_request."
        ));
    };
    let Some(secret) = keyring.secret(access_key_id) else {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        return Err(s3_error!(InvalidAccessKeyId, "{message}"));
    };
    if !fields.require("x-amz-date")?.starts_with(date) {
        return Err(mismatch());
    }
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date, region, "s3", "aws4_request"] {
        key = mac(&key, part).finalize().into_bytes().to_vec();
    }
    let signature = hex::decode(fields.require("x-amz-signature")?).map_err(|_| mismatch())?;
    let verified = mac(&key, encoded).verify_slice(&signature);
    verified.map(|()| access_key_id).map_err(|_| mismatch())
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac
}

fn mismatch() -> S3Error {
    let message = "The request signature we calculated does not match the signature you provided.";
    s3_error!(SignatureDoesNotMatch, "{message}")
}
