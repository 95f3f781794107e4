//! Attributes as headers.

use aws_sdk_s3::config::http::HttpRequest;
use aws_smithy_runtime_api::http::HttpError;
use draftstore_storage::Attributes;

use super::options::option_headers;

/// Returns the attributes as headers. The SDK has a setter for each attribute instead, and another type for dates.
pub(crate) fn attribute_headers(attributes: &Attributes) -> Vec<(String, String)> {
    let headers = attributes.iter();
    headers
        .map(|(name, value)| (name.into_owned(), value.to_owned()))
        .chain(option_headers(&attributes.options))
        .collect()
}

pub(crate) fn with_headers(mut request: HttpRequest, headers: &[(String, String)]) -> Result<HttpRequest, HttpError> {
    for (name, value) in headers {
        request.headers_mut().try_insert(name.clone(), value.clone())?;
    }
    Ok(request)
}
