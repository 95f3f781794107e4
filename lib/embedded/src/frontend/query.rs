//! The query of a request. Parameters that are headers of S3 become headers; all others must be known to the operation.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use s3s::{S3Result, s3_error};

/// The parameters of a signature, in lower case. No header takes their place.
const SIGNATURE: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// The headers that a query may contain as parameters, in lower case. Prefixes end in a hyphen.
const HEADERS: [&str; 17] = [
    "x-amz-acl",
    "x-amz-bypass-governance-retention",
    "x-amz-checksum-",
    "x-amz-copy-source",
    "x-amz-copy-source-",
    "x-amz-expected-bucket-owner",
    "x-amz-grant-",
    "x-amz-meta-",
    "x-amz-metadata-directive",
    "x-amz-object-",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-tagging-directive",
    "x-amz-user-agent",
];

/// The checksums of no bytes. The SDK for JavaScript puts the first into every URL that it presigns for an upload, whose
/// bytes it does not know, and S3 ignores it.
const EMPTY_CHECKSUMS: [(&str, &str); 2] = [
    ("x-amz-checksum-crc32", "AAAAAA=="),
    ("x-amz-checksum-crc32c", "AAAAAA=="),
];

/// Adds the parameters that are headers to the headers. The signature covers them as part of the query.
///
/// # Errors
/// Returns 501 for a parameter `x-amz-*` that is not known, and 400 for one that is there twice, or whose header differs.
pub(super) fn promote_headers(uri: &Uri, headers: &mut HeaderMap) -> S3Result<()> {
    let mut promoted: Vec<HeaderName> = Vec::new();
    for (name, value) in parameters(uri) {
        let name = name.to_ascii_lowercase();
        if !is_header(&name) || EMPTY_CHECKSUMS.contains(&(&name, &value)) {
            continue;
        }
        let known = |known: &&str| *known == name || (known.ends_with('-') && name.starts_with(*known));
        if !HEADERS.iter().any(known) {
            return Err(s3_error!(
                NotImplemented,
                "This store does not support the query parameter {name}."
            ));
        }
        let invalid = || s3_error!(InvalidArgument, "The query parameter {name} is not a valid header.");
        let header = HeaderName::try_from(&name).map_err(|_| invalid())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
        let differs = headers.get_all(&header).iter().any(|sent| sent != value);
        if differs || promoted.contains(&header) {
            return Err(s3_error!(
                InvalidArgument,
                "The query parameter {name} is given twice, or differs from the header."
            ));
        }
        headers.insert(header.clone(), value);
        promoted.push(header);
    }
    Ok(())
}

/// Returns the names of the parameters that are headers, in lower case.
pub(crate) fn header_names(uri: &Uri) -> impl Iterator<Item = String> {
    let names = parameters(uri).map(|(name, _)| name.to_ascii_lowercase());
    names.filter(|name| is_header(name))
}

/// Checks the other parameters against those of an operation.
///
/// # Errors
/// Returns 501 for an operation that this store does not have, and for a parameter that the operation does not have, and 400 for one that is there twice, or empty and selects
/// an object, a part or an upload.
pub(crate) fn check_parameters(uri: &Uri, operation: &str) -> S3Result<()> {
    let Some(known) = known_parameters(operation) else {
        return Err(s3_error!(NotImplemented, "This store does not support {operation}."));
    };
    let mut seen = Vec::new();
    for (name, value) in parameters(uri) {
        if name.to_ascii_lowercase().starts_with("x-amz-") || name == "x-id" {
            continue;
        }
        if !known.contains(&name.as_ref()) {
            return Err(s3_error!(
                NotImplemented,
                "This store does not support the query parameter {name} in {operation}."
            ));
        }
        if value.is_empty() && matches!(name.as_ref(), "partNumber" | "uploadId" | "versionId") {
            return Err(s3_error!(
                InvalidArgument,
                "The query parameter {name} must not be empty."
            ));
        }
        if seen.contains(&name) {
            return Err(s3_error!(InvalidArgument, "The query parameter {name} is given twice."));
        }
        seen.push(name);
    }
    Ok(())
}

/// Returns the parameters of an operation, or `None` for an operation that this store does not have.
fn known_parameters(operation: &str) -> Option<&'static [&'static str]> {
    let known: &[&str] = match operation {
        "PutObject" | "CopyObject" | "CreateBucket" | "HeadBucket" | "DeleteBucket" => &[],
        "GetObject" | "HeadObject" => &[
            "partNumber",
            "response-cache-control",
            "response-content-disposition",
            "response-content-encoding",
            "response-content-language",
            "response-content-type",
            "response-expires",
            "versionId",
        ],
        "DeleteObject" => &["versionId"],
        "DeleteObjects" => &["delete"],
        "CreateMultipartUpload" => &["uploads"],
        "UploadPart" | "UploadPartCopy" => &["partNumber", "uploadId"],
        "CompleteMultipartUpload" | "AbortMultipartUpload" => &["uploadId"],
        "ListParts" => &["uploadId", "max-parts", "part-number-marker"],
        "ListMultipartUploads" => &[
            "uploads",
            "delimiter",
            "encoding-type",
            "key-marker",
            "max-uploads",
            "prefix",
            "upload-id-marker",
        ],
        "ListObjects" => &["delimiter", "encoding-type", "marker", "max-keys", "prefix"],
        "ListObjectsV2" => &[
            "list-type",
            "continuation-token",
            "delimiter",
            "encoding-type",
            "fetch-owner",
            "max-keys",
            "prefix",
            "start-after",
        ],
        "ListObjectVersions" => &[
            "versions",
            "delimiter",
            "encoding-type",
            "key-marker",
            "max-keys",
            "prefix",
            "version-id-marker",
        ],
        "ListBuckets" => &["continuation-token", "max-buckets", "prefix"],
        "GetBucketLocation" => &["location"],
        "GetBucketCors" | "PutBucketCors" | "DeleteBucketCors" => &["cors"],
        "GetBucketAcl" => &["acl"],
        "GetBucketLifecycleConfiguration" | "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => {
            &["lifecycle"]
        }
        "GetBucketPolicy" => &["policy"],
        "GetBucketTagging" => &["tagging"],
        "GetBucketVersioning" | "PutBucketVersioning" => &["versioning"],
        "GetObjectLockConfiguration" | "PutObjectLockConfiguration" => &["object-lock"],
        "GetObjectRetention" | "PutObjectRetention" => &["retention", "versionId"],
        "GetObjectLegalHold" | "PutObjectLegalHold" => &["legal-hold", "versionId"],
        "RestoreObject" => &["restore", "versionId"],
        "GetObjectAcl" => &["acl", "versionId"],
        "GetObjectAttributes" => &["attributes", "versionId"],
        "GetObjectTagging" | "PutObjectTagging" | "DeleteObjectTagging" => &["tagging", "versionId"],
        _ => return None,
    };
    Some(known)
}

pub(super) fn parameters(uri: &Uri) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}

fn is_header(name: &str) -> bool {
    name.starts_with("x-amz-") && !SIGNATURE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_headers_become_headers() {
        let promoted = |query: &str, headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let mut headers = headers.collect();
            promote_headers(&format!("/b/k?{query}").parse().unwrap(), &mut headers)
                .map(|()| headers)
                .map_err(|error| error.code().as_str().to_owned())
        };
        let headers = promoted("X-Amz-Meta-A=1%202&X-Amz-Date=x&uploads", &[]).unwrap();
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["x-amz-meta-a"], "1 2");
        assert!(promoted("x-amz-meta-a=1", &[("x-amz-meta-a", "1")]).is_ok());
        for twice in ["x-amz-meta-a=1&x-amz-meta-a=1", "x-amz-meta-a=2", "x-amz-meta-a=%0A"] {
            let refused = promoted(twice, &[("x-amz-meta-a", "1")]);
            assert_eq!(refused.unwrap_err(), "InvalidArgument", "{twice}");
        }
        assert_eq!(promoted("x-amz-unheard-of=1", &[]).unwrap_err(), "NotImplemented");
        assert!(promoted("x-amz-checksum-crc32=AAAAAA==", &[]).unwrap().is_empty());
    }
}
