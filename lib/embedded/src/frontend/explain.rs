//! Bodies that `s3s` writes otherwise than S3: those of errors, which lack elements that S3 always returns and, for a wrong
//! signature, what was signed; and the ETag of `GetObjectAttributes`.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, Method, Response, Uri, header};
use percent_encoding::percent_decode_str;
use s3s::Body;
use sha2::{Digest as _, Sha256};

use super::query::parameters;
use crate::access::{Signature, signature};
use crate::backend::{encode_key, encode_query};

/// A copy of what an error response says about the request.
#[derive(Debug)]
pub(super) struct RequestHead {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

/// Removes the quotes from the ETag of `GetObjectAttributes`. S3 quotes it in every other response.
pub(super) fn unquote_etag(response: &mut Response<Body>) {
    const ELEMENT: (&str, &str) = ("<ETag>", "</ETag>");
    let text = response
        .body()
        .bytes()
        .and_then(|body| String::from_utf8(body.to_vec()).ok());
    let etag = text.as_deref().and_then(|text| {
        let (_, rest) = text.split_once(ELEMENT.0)?;
        rest.split_once(ELEMENT.1).map(|(etag, _)| etag)
    });
    if let (Some(text), Some(etag)) = (&text, etag) {
        let unquoted = etag.replace("&quot;", "").replace('"', "");
        let text = text.replacen(etag, &unquoted, 1);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(text);
    }
}

impl RequestHead {
    /// Completes the body of an error response: `Message`, `Resource` and `RequestId`, and for a signature that does not
    /// match the strings that it should have signed.
    pub(super) fn explain(&self, response: &mut Response<Body>, request_id: &str) {
        let Some(body) = response.body().bytes() else { return };
        let Some(start) = body.strip_suffix(b"</Error>".as_slice()) else {
            return;
        };
        let Ok(start) = str::from_utf8(start) else { return };
        let mut text = start.to_owned();
        let code = element(start, "Code").unwrap_or_default();
        if element(start, "Message").is_none() {
            push(&mut text, "Message", default_message(code));
        }
        if code == "SignatureDoesNotMatch" {
            self.push_signature(&mut text);
        }
        push(&mut text, "Resource", self.uri.path());
        push(&mut text, "RequestId", request_id);
        text.push_str("</Error>");
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(text);
    }

    pub(super) fn is_get_object_attributes(&self) -> bool {
        self.method == Method::GET && parameters(&self.uri).any(|(name, _)| name == "attributes")
    }

    /// Appends what was received and what the signature is expected to cover. No secret is part of either.
    fn push_signature(&self, text: &mut String) {
        let Some(Signature {
            credential,
            date,
            signed_headers,
            provided,
            payload,
        }) = signature(&self.uri, &self.headers)
        else {
            return;
        };
        let (key_id, scope) = credential.split_once('/').unwrap_or((&credential, ""));
        let canonical = self.canonical_request(&signed_headers, &payload);
        let hash = hex::encode(Sha256::digest(&canonical));
        push(text, "AWSAccessKeyId", key_id);
        push(
            text,
            "StringToSign",
            &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}"),
        );
        push(text, "SignatureProvided", &provided);
        push(text, "CanonicalRequest", &canonical);
        let missing: Vec<_> = signed_headers
            .iter()
            .filter(|name| self.value(name).is_none())
            .collect();
        for name in missing {
            push(text, "HeaderMissing", name);
        }
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
    fn canonical_request(&self, signed_headers: &[String], payload: &str) -> String {
        let path = percent_decode_str(self.uri.path()).decode_utf8_lossy();
        let mut query: Vec<_> = parameters(&self.uri)
            .filter(|(name, _)| name != "X-Amz-Signature")
            .map(|(name, value)| format!("{}={}", encode_query(&name), encode_query(&value)))
            .collect();
        query.sort();
        let mut canonical = format!("{}\n{}\n{}\n", self.method, encode_key(&path), query.join("&"));
        for name in signed_headers {
            let value = self.value(name).unwrap_or_default();
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{}\n{payload}", signed_headers.join(";"));
        canonical
    }

    /// Returns the value of a signed header as it is signed, or `None` if the request does not have it.
    fn value(&self, name: &str) -> Option<String> {
        let name = HeaderName::try_from(name).ok()?;
        let values: Vec<_> = self
            .headers
            .get_all(&name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
            .collect();
        match &self.uri.authority() {
            Some(authority) if values.is_empty() && name == header::HOST => Some(authority.to_string()),
            _ => (!values.is_empty()).then(|| values.join(",")),
        }
    }
}

fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(value, _)| value)
}

fn push(text: &mut String, name: &str, value: &str) {
    let _ = write!(text, "<{name}>");
    for c in value.chars() {
        match c {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '\t' | '\n' => text.push(c),
            // XML cannot represent them.
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    let _ = write!(text, "</{name}>");
}

/// Returns the message for a code that came without one.
fn default_message(code: &str) -> &'static str {
    match code {
        "AccessDenied" => "Access Denied",
        "BadDigest" => "The digest does not match the received bytes.",
        "IncompleteBody" => "The request has fewer or more bytes than its Content-Length.",
        "InvalidAccessKeyId" | "NotSignedUp" => "This store does not know the access key ID.",
        "InvalidBucketName" => "The specified bucket name is not valid.",
        "InvalidURI" => "The path or the query cannot be parsed.",
        "KeyTooLongError" => "The key is longer than 1024 bytes.",
        "MaxMessageLengthExceeded" => "The body of the request is too large.",
        "MethodNotAllowed" => "The method is not allowed for this resource.",
        "MissingContentLength" => "The request needs a Content-Length header.",
        "SignatureDoesNotMatch" => {
            "The signature does not match the request. Compare StringToSign and CanonicalRequest with what was signed, \
             and check the secret key."
        }
        "XAmzContentSHA256Mismatch" => "The x-amz-content-sha256 header does not match the received bytes.",
        _ => "The request was rejected.",
    }
}
