//! Attributes as headers.

use aws_sdk_s3::config::http::HttpRequest;
use aws_smithy_runtime_api::http::HttpError;
use draftstore_storage::Attributes;

/// Attributes go in as headers of our own because the SDK's setters refuse what is not ASCII, and clients do store a
/// `Content-Disposition` in UTF-8.
pub(super) fn attribute_headers(attributes: &Attributes) -> Vec<(String, String)> {
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

pub(super) fn with_headers(mut request: HttpRequest, headers: &[(String, String)]) -> Result<HttpRequest, HttpError> {
    for (name, value) in headers {
        request.headers_mut().try_insert(name.clone(), value.clone())?;
    }
    Ok(request)
}
