//! What a writer says about an object, taken from a request.

use std::collections::BTreeMap;

use s3s::dto::{CopyObjectInput, CreateMultipartUploadInput, Metadata, PutObjectInput, Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};
use time::OffsetDateTime;

use super::unsupported;
use crate::index::Attributes;

/// User metadata, keys and values together, in bytes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
const MAX_METADATA: usize = 2048;

macro_rules! attributes_from {
    ($input:expr) => {{
        let input = $input;
        Ok(Attributes {
            content_type: input.content_type.take(),
            content_encoding: input.content_encoding.take().and_then(without_framing),
            content_language: input.content_language.take(),
            content_disposition: input.content_disposition.take(),
            cache_control: input.cache_control.take(),
            expires_ms: input.expires.take().map(milliseconds),
            metadata: checked(input.metadata.take())?,
        })
    }};
}

pub(super) fn of_put(input: &mut PutObjectInput) -> S3Result<Attributes> {
    attributes_from!(input)
}

pub(super) fn of_copy(input: &mut CopyObjectInput) -> S3Result<Attributes> {
    attributes_from!(input)
}

pub(super) fn of_upload(input: &mut CreateMultipartUploadInput) -> S3Result<Attributes> {
    attributes_from!(input)
}

/// From the fields of a form, named as headers are, in lower case.
///
/// # Errors
/// As for a PUT with such headers.
pub(crate) fn form_attributes(fields: &[(String, String)]) -> S3Result<Attributes> {
    unsupported::refuse_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))?;
    let get = |wanted: &str| {
        fields
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.clone())
    };
    let date = get("expires")
        .map(|date| Timestamp::parse(TimestampFormat::HttpDate, &date))
        .transpose();
    let date = date.map_err(|_| s3_error!(InvalidArgument, "The field expires is not a date."))?;
    let metadata = fields.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("x-amz-meta-")?;
        Some((name.to_owned(), value.clone()))
    });
    Ok(Attributes {
        content_type: get("content-type"),
        content_encoding: get("content-encoding"),
        content_language: get("content-language"),
        content_disposition: get("content-disposition"),
        cache_control: get("cache-control"),
        expires_ms: date.map(milliseconds),
        metadata: checked(Some(metadata.collect()))?,
    })
}

/// # Errors
/// `MetadataTooLarge`.
fn checked(metadata: Option<Metadata>) -> S3Result<BTreeMap<String, String>> {
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

/// `aws-chunked` says how the request was framed, not what the object is.
fn without_framing(encoding: String) -> Option<String> {
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
    fn the_framing_of_the_request_is_not_kept() {
        assert_eq!(without_framing("aws-chunked".into()), None);
        assert_eq!(without_framing("aws-chunked, gzip".into()).as_deref(), Some("gzip"));
        assert_eq!(without_framing("br".into()).as_deref(), Some("br"));
    }

    #[test]
    fn metadata_has_a_limit() {
        let of = |len: usize| checked(Some([("k".to_owned(), "v".repeat(len))].into_iter().collect()));
        assert!(of(MAX_METADATA - 1).is_ok());
        assert!(of(MAX_METADATA).is_err());
    }
}
