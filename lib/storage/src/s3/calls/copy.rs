//! `CopyObject`.

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::types::MetadataDirective;
use aws_smithy_runtime_api::http::HttpError;

use super::super::S3Storage;
use super::super::copy_source::copy_source;
use super::super::error::Call;
use crate::{Attributes, CopyToMain, ETag, Error, IfDestination, Operation};

/// Asks once only. Were a copy whose answer got lost asked again, the condition on its destination would fail because
/// of its own success, and the caller could not tell that from another's.
pub(in super::super) async fn copy_to_main(s3: &S3Storage, copy: &CopyToMain<'_>) -> Result<ETag, Error> {
    let call = Call::on_key(Operation::CopyObject, copy.main_bucket.name(), copy.main_key);
    let request = s3
        .client
        .copy_object()
        .bucket(copy.main_bucket.name().as_str())
        .key(copy.main_key.as_str())
        .copy_source(copy_source(copy.draft_bucket.name(), copy.draft_key))
        .copy_source_if_match(copy.draft_etag.quoted())
        .metadata_directive(MetadataDirective::Replace);
    let request = match copy.if_destination {
        IfDestination::Absent => request.if_none_match("*"),
        IfDestination::Matches(etag) => request.if_match(etag.quoted()),
    };
    let attributes = attribute_headers(copy.attributes);
    let copied = request
        .customize()
        .config_override(s3.copy_config())
        .map_request(move |request| with_headers(request, &attributes))
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let etag = copied
        .copy_object_result()
        .and_then(|result| result.e_tag())
        .and_then(|etag| etag.parse().ok());
    etag.ok_or_else(|| call.broken_off("the answer to the copy lacks an ETag"))
}

/// Attributes go in as headers of our own because the SDK's setters refuse what is not ASCII, and clients do store a
/// `Content-Disposition` in UTF-8.
fn attribute_headers(attributes: &Attributes) -> Vec<(String, String)> {
    let Attributes {
        content_type,
        content_encoding,
        content_language,
        content_disposition,
        cache_control,
        metadata,
    } = attributes;
    let standard = [
        ("content-type", content_type),
        ("content-encoding", content_encoding),
        ("content-language", content_language),
        ("content-disposition", content_disposition),
        ("cache-control", cache_control),
    ];
    let standard = standard
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    let metadata = metadata
        .iter()
        .map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone()));
    standard.chain(metadata).collect()
}

fn with_headers(mut request: HttpRequest, headers: &[(String, String)]) -> Result<HttpRequest, HttpError> {
    for (name, value) in headers {
        request.headers_mut().try_insert(name.clone(), value.clone())?;
    }
    Ok(request)
}
