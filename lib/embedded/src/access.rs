//! Access control: only requests with a Signature Version 4 that covers every `x-amz-*` header are accepted.
//!
//! `s3s` verifies the signature but accepts additional unsigned headers. The holder of a presigned PUT could then add
//! an `x-amz-copy-source` and copy any object to a place where they can read it. AWS rejects such requests, and so
//! does this module, for every operation and for both ways to sign. It then checks what the key pair may do.

use std::sync::Arc;

use draftstore_connections::Client;
use http::{HeaderMap, Uri, header};
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Error, S3Result, s3_error};

use crate::backend::ACCOUNT;
use crate::frontend::query::{check_parameters, header_names};
use crate::keyring::{Keyring, POST_OBJECT};

/// The longest lifetime of a presigned URL, in seconds.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
const MAX_EXPIRES: u64 = 7 * 24 * 60 * 60;

/// The check that runs once a signature is verified, before the operation.
#[derive(Debug)]
pub(crate) struct AccessControl {
    keyring: Arc<Keyring>,
}

impl AccessControl {
    pub(crate) fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring }
    }
}

#[async_trait::async_trait]
impl S3Access for AccessControl {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = cx.credentials() else {
            return Err(s3_error!(
                AccessDenied,
                "Anonymous access is forbidden for this operation"
            ));
        };
        let operation = cx.s3_op().name();
        if operation == POST_OBJECT {
            // Forms are handled in `frontend::form`. This path must not accept them as well.
            return Err(s3_error!(MethodNotAllowed));
        }
        check_signed(cx.uri(), cx.headers())?;
        check_parameters(cx.uri(), operation)?;
        check_owner(cx.headers())?;
        let bucket = cx.s3_path().get_bucket_name();
        if self.keyring.allows(&credentials.access_key, operation, bucket) {
            if let Some(client) = cx.extensions_mut().get::<Client>() {
                client.authenticated();
            }
            Ok(())
        } else {
            Err(s3_error!(AccessDenied))
        }
    }
}

fn check_signed(uri: &Uri, headers: &HeaderMap) -> S3Result<()> {
    let signed = signed_headers(uri, headers)?;
    let unsigned = |name: &&str| name.starts_with("x-amz-") && !signed.iter().any(|signed| signed == name);
    let unsigned: Vec<_> = headers
        .keys()
        .map(header::HeaderName::as_str)
        .filter(unsigned)
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    let unsigned = unsigned.join(", ");
    Err(s3_error!(
        AccessDenied,
        "There were headers present in the request which were not signed: {unsigned}"
    ))
}

/// Rejects a request that expects the bucket to belong to another account.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
fn check_owner(headers: &HeaderMap) -> S3Result<()> {
    let expected = ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"];
    let mut expected = expected.into_iter().flat_map(|name| headers.get_all(name));
    if expected.all(|account| account == ACCOUNT) {
        Ok(())
    } else {
        Err(s3_error!(AccessDenied))
    }
}

/// Returns the signed header names in lower case: those that the signature lists, and those that the query contains.
fn signed_headers(uri: &Uri, headers: &HeaderMap) -> S3Result<Vec<String>> {
    let query: Vec<_> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect();
    let find = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    if find("Signature").is_some() {
        return Err(only_version_4());
    }
    if find("X-Amz-Signature").is_some() {
        let expires = find("X-Amz-Expires").and_then(|expires| expires.parse::<u64>().ok());
        if expires.is_none_or(|expires| expires > MAX_EXPIRES) {
            let message = "X-Amz-Expires must be a number of seconds, less than a week";
            return Err(s3_error!(AuthorizationQueryParametersError, "{message}"));
        }
    }
    let mut signed = signature(uri, headers).ok_or_else(only_version_4)?.signed_headers;
    signed.extend(header_names(uri));
    Ok(signed)
}

/// The fields of a Signature Version 4, as the request states them.
#[derive(Debug, Default)]
pub(crate) struct Signature {
    /// The access key ID and the scope.
    pub(crate) credential: String,
    pub(crate) date: String,
    /// The signed header names in lower case.
    pub(crate) signed_headers: Vec<String>,
    pub(crate) provided: String,
    /// The hash of the body that was signed, or the text in its place.
    pub(crate) payload: String,
}

/// Reads the signature of a request, or `None` if there is none of version 4. Like `s3s`, it prefers the query to the
/// `Authorization` header.
pub(crate) fn signature(uri: &Uri, headers: &HeaderMap) -> Option<Signature> {
    let query: Vec<_> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect();
    let find = |wanted: &str| {
        query
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.to_string())
    };
    if let Some(provided) = find("X-Amz-Signature") {
        return Some(Signature {
            credential: find("X-Amz-Credential").unwrap_or_default(),
            date: find("X-Amz-Date").unwrap_or_default(),
            signed_headers: names(&find("X-Amz-SignedHeaders").unwrap_or_default()),
            provided,
            payload: "UNSIGNED-PAYLOAD".to_owned(),
        });
    }
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let fields = text(header::AUTHORIZATION.as_str()).strip_prefix("AWS4-HMAC-SHA256")?;
    let field = |name: &str| {
        let mut fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
        fields
            .find_map(|(found, value)| (found == name).then(|| value.to_owned()))
            .unwrap_or_default()
    };
    Some(Signature {
        credential: field("Credential"),
        date: text("x-amz-date").to_owned(),
        signed_headers: names(&field("SignedHeaders")),
        provided: field("Signature"),
        payload: text("x-amz-content-sha256").to_owned(),
    })
}

fn names(list: &str) -> Vec<String> {
    list.split(';').map(str::to_ascii_lowercase).collect()
}

fn only_version_4() -> S3Error {
    let message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    s3_error!(InvalidRequest, "{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, headers: &[(&'static str, &str)]) -> Result<(), String> {
        let headers = headers.iter().map(|(name, value)| {
            (
                header::HeaderName::from_static(name),
                header::HeaderValue::from_str(value).unwrap(),
            )
        });
        check_signed(&uri.parse().unwrap(), &headers.collect()).map_err(|error| error.code().as_str().to_owned())
    }

    const PRESIGNED: &str = "/b/k?X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-meta-a&X-Amz-Signature=00";

    #[test]
    fn presigned_requests_must_sign_every_amz_header() {
        assert_eq!(
            check(
                PRESIGNED,
                &[("host", "h"), ("x-amz-meta-a", "1"), ("content-type", "a/b")]
            ),
            Ok(())
        );
        for name in ["x-amz-copy-source", "x-amz-meta-b", "x-amz-acl", "x-amz-content-sha256"] {
            assert_eq!(check(PRESIGNED, &[(name, "1")]), Err("AccessDenied".into()), "{name}");
        }
    }

    #[test]
    fn authorization_header_does_not_extend_a_presigned_query() {
        let authorization = (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=c, SignedHeaders=x-amz-copy-source, Signature=0",
        );
        assert_eq!(
            check(PRESIGNED, &[authorization, ("x-amz-copy-source", "/b/k")]),
            Err("AccessDenied".into())
        );
    }

    #[test]
    fn header_signed_requests_must_sign_every_amz_header() {
        let signed = (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=c,SignedHeaders=host;x-amz-date,Signature=0",
        );
        assert_eq!(check("/b/k", &[signed, ("x-amz-date", "d")]), Ok(()));
        assert_eq!(
            check("/b/k", &[signed, ("x-amz-copy-source", "/b/k")]),
            Err("AccessDenied".into())
        );
    }

    #[test]
    fn signature_version_2_and_long_lifetimes_are_rejected() {
        assert_eq!(
            check("/b/k?Signature=x&X-Amz-Signature=0", &[]),
            Err("InvalidRequest".into())
        );
        assert_eq!(
            check("/b/k", &[("authorization", "AWS id:signature")]),
            Err("InvalidRequest".into())
        );
        let week = PRESIGNED.replace("=60", "=604801");
        assert_eq!(check(&week, &[]), Err("AuthorizationQueryParametersError".into()));
    }
}
