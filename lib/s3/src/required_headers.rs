//! Headers that some stores require and the SDK leaves out: the length of an empty body, and the MD5 of a document.

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_types::base64;
use md5::{Digest as _, Md5};

/// The query parameters of the calls whose document needs a checksum, by S3's rules. Older stores know only MD5.
const DOCUMENTS: [&str; 3] = ["cors", "delete", "lifecycle"];

/// Adds the headers to every call of a client, before it is signed.
#[derive(Debug)]
pub(crate) struct RequiredHeaders;

impl Intercept for RequiredHeaders {
    fn name(&self) -> &'static str {
        "RequiredHeaders"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let is_sent = matches!(request.method(), "PUT" | "POST");
        if is_sent && request.body().content_length() == Some(0) && !request.headers().contains_key("content-length") {
            request.headers_mut().insert("content-length", "0");
        }
        let is_document = is_sent && has_document(request.uri());
        if let Some(document) = request.body().bytes().filter(|_| is_document) {
            let md5 = base64::encode(Md5::digest(document));
            request.headers_mut().insert("content-md5", md5);
        }
        Ok(())
    }
}

fn has_document(uri: &str) -> bool {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let mut names = query
        .split('&')
        .map(|parameter| parameter.split('=').next().unwrap_or_default());
    names.any(|name| DOCUMENTS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_by_their_parameter() {
        for uri in [
            "http://h/b?delete",
            "http://h/b/?x-id=DeleteObjects&delete=",
            "http://h/b?cors",
        ] {
            assert!(has_document(uri), "{uri}");
        }
        for uri in [
            "http://h/b",
            "http://h/b/delete",
            "http://h/b/k?uploads",
            "http://h/b/k?x-id=delete",
        ] {
            assert!(!has_document(uri), "{uri}");
        }
    }
}
