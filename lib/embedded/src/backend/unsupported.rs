//! Rejection of features that this store would otherwise ignore silently: encryption, public ACLs.

use http::HeaderMap;
use s3s::{S3Result, s3_error};

const UNSUPPORTED_PREFIXES: [&str; 4] = [
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-grant-",
    "x-amz-write-offset-bytes",
];
/// The canned ACLs that describe what this store does anyway: only the owner has access.
const SUPPORTED_ACLS: [&[u8]; 3] = [b"private", b"bucket-owner-full-control", b"bucket-owner-read"];

/// # Errors
/// Returns 501 with the name of the first header that asks for an unsupported feature.
pub(super) fn reject_headers(headers: &HeaderMap) -> S3Result<()> {
    reject_fields(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

/// Rejects unsupported features in headers or form fields, whose names must be in lower case.
pub(super) fn reject_fields<'f>(fields: impl Iterator<Item = (&'f str, &'f [u8])>) -> S3Result<()> {
    for (name, value) in fields {
        let unsupported = UNSUPPORTED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || (matches!(name, "acl" | "x-amz-acl") && !SUPPORTED_ACLS.contains(&value));
        if unsupported {
            return Err(s3_error!(
                NotImplemented,
                "This store does not support {name}: send the request without it."
            ));
        }
    }
    Ok(())
}
