//! The attributes of an object: headers and metadata that a request sets.

use std::collections::BTreeMap;

use s3s::dto::{
    CopyObjectInput, CreateMultipartUploadInput, Metadata, ObjectLockLegalHoldStatus, ObjectLockMode, PutObjectInput,
    StorageClass, Timestamp, TimestampFormat,
};
use s3s::{S3Result, s3_error};
use time::OffsetDateTime;

use super::object_lock::LockHeaders;
use super::{tags, unsupported};
use crate::index::{ObjectAttributes, ObjectClass};

/// The maximum size of user metadata, keys and values together, in bytes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
const MAX_METADATA: usize = 2048;

macro_rules! attributes_from {
    ($input:expr, $now_ms:expr) => {{
        let input = $input;
        let lock = LockHeaders {
            mode: input.object_lock_mode.take(),
            until: input.object_lock_retain_until_date.take(),
            legal_hold: input.object_lock_legal_hold_status.take(),
        };
        Ok(ObjectAttributes {
            content_type: input.content_type.take(),
            content_encoding: input.content_encoding.take().and_then(without_aws_chunked),
            content_language: input.content_language.take(),
            content_disposition: input.content_disposition.take(),
            cache_control: input.cache_control.take(),
            expires_ms: input.expires.take().map(milliseconds),
            metadata: check_metadata(input.metadata.take())?,
            tags: tags::from_header(input.tagging.as_deref())?,
            lock: lock.into_lock($now_ms)?,
            class: ObjectClass::parse(input.storage_class.as_ref().map(StorageClass::as_str))?,
        })
    }};
}

pub(super) fn from_put(input: &mut PutObjectInput, now_ms: i64) -> S3Result<ObjectAttributes> {
    attributes_from!(input, now_ms)
}

pub(super) fn from_copy(input: &mut CopyObjectInput, now_ms: i64) -> S3Result<ObjectAttributes> {
    attributes_from!(input, now_ms)
}

pub(super) fn from_upload(input: &mut CreateMultipartUploadInput, now_ms: i64) -> S3Result<ObjectAttributes> {
    attributes_from!(input, now_ms)
}

/// Reads the attributes from form fields, which have the names of headers in lower case.
///
/// # Errors
/// Returns the errors of a PUT with these headers.
pub(crate) fn form_attributes(fields: &[(String, String)], now_ms: i64) -> S3Result<ObjectAttributes> {
    unsupported::reject_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))?;
    let get = |wanted: &str| {
        fields
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.clone())
    };
    let date = get("expires")
        .map(|date| Timestamp::parse(TimestampFormat::HttpDate, &date))
        .transpose();
    let date = date.map_err(|_| s3_error!(InvalidArgument, "The value of the field expires must be an HTTP date."))?;
    let until = get("x-amz-object-lock-retain-until-date")
        .map(|date| Timestamp::parse(TimestampFormat::DateTime, &date))
        .transpose();
    let until = until.map_err(|_| {
        s3_error!(
            InvalidArgument,
            "The value of the field x-amz-object-lock-retain-until-date must be a time of ISO 8601."
        )
    })?;
    let lock = LockHeaders {
        mode: get("x-amz-object-lock-mode").map(ObjectLockMode::from),
        until,
        legal_hold: get("x-amz-object-lock-legal-hold").map(ObjectLockLegalHoldStatus::from),
    };
    let metadata = fields.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("x-amz-meta-")?;
        Some((name.to_owned(), value.clone()))
    });
    Ok(ObjectAttributes {
        content_type: get("content-type"),
        content_encoding: get("content-encoding"),
        content_language: get("content-language"),
        content_disposition: get("content-disposition"),
        cache_control: get("cache-control"),
        expires_ms: date.map(milliseconds),
        metadata: check_metadata(Some(metadata.collect()))?,
        lock: lock.into_lock(now_ms)?,
        tags: match get("tagging") {
            Some(document) => tags::from_document(&document)?,
            None => tags::from_header(get("x-amz-tagging").as_deref())?,
        },
        class: ObjectClass::parse(get("x-amz-storage-class").as_deref())?,
    })
}

/// # Errors
/// Returns `MetadataTooLarge`.
fn check_metadata(metadata: Option<Metadata>) -> S3Result<BTreeMap<String, String>> {
    let metadata: BTreeMap<String, String> = metadata.into_iter().flatten().collect();
    if metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum::<usize>()
        > MAX_METADATA
    {
        return Err(s3_error!(
            MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size."
        ));
    }
    Ok(metadata)
}

/// Removes `aws-chunked`, which describes the framing of the request and not the object.
fn without_aws_chunked(encoding: String) -> Option<String> {
    if !encoding.contains("aws-chunked") {
        return Some(encoding);
    }
    let kept: Vec<_> = encoding
        .split(',')
        .map(str::trim)
        .filter(|coding| *coding != "aws-chunked")
        .collect();
    let kept = kept.join(", ");
    (!kept.is_empty()).then_some(kept)
}

fn milliseconds(timestamp: Timestamp) -> i64 {
    OffsetDateTime::from(timestamp).unix_timestamp() * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_chunked_is_not_stored() {
        assert_eq!(without_aws_chunked("aws-chunked".into()), None);
        assert_eq!(without_aws_chunked("aws-chunked, gzip".into()).as_deref(), Some("gzip"));
        assert_eq!(without_aws_chunked("br".into()).as_deref(), Some("br"));
    }

    #[test]
    fn metadata_size_is_limited() {
        let with_len = |len: usize| check_metadata(Some([("k".to_owned(), "v".repeat(len))].into_iter().collect()));
        assert!(with_len(MAX_METADATA - 1).is_ok());
        assert!(with_len(MAX_METADATA).is_err());
    }
}
