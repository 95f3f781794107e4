//! What a writer says about an object, taken from a request.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
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
pub(crate) fn form_attributes<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> S3Result<Attributes> {
    let mut attributes = Attributes::default();
    let mut metadata = Metadata::default();
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let text = Some(value.to_owned());
        match name {
            "content-type" => attributes.content_type = text,
            "content-encoding" => attributes.content_encoding = text,
            "content-language" => attributes.content_language = text,
            "content-disposition" => attributes.content_disposition = text,
            "cache-control" => attributes.cache_control = text,
            "expires" => {
                let date = Timestamp::parse(TimestampFormat::HttpDate, value);
                let date = date.map_err(|_| s3_error!(InvalidArgument, "The field expires is not a date."))?;
                attributes.expires_ms = Some(milliseconds(date));
            }
            // Forms name these two without the prefix that the headers have.
            "acl" | "tagging" => drop(headers.insert(
                if name == "acl" { "x-amz-acl" } else { "x-amz-tagging" },
                HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("")),
            )),
            _ => match name.strip_prefix("x-amz-meta-") {
                Some(name) => drop(metadata.insert(name.to_owned(), value.to_owned())),
                None => {
                    if let Ok(name) = HeaderName::try_from(name) {
                        headers.insert(name, HeaderValue::from_static(""));
                    }
                }
            },
        }
    }
    unsupported::refuse(&headers)?;
    attributes.metadata = checked(Some(metadata))?;
    Ok(attributes)
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
