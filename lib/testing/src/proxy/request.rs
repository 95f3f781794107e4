//! Recognition of the S3 operation of a request.

use std::borrow::Cow;

use draftstore_storage::{BucketName, ObjectKey, Operation};
use http::request::Parts;
use http::{Method, Uri};
use percent_encoding::percent_decode_str;

/// A request for one of the operations that DraftStore and its clients use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The S3 operation of the request.
    pub operation: Operation,
    /// The bucket, which for a copy is the destination.
    pub bucket: BucketName,
    /// The object key, if the operation has one.
    pub key: Option<ObjectKey>,
    /// The part number, if the operation has one.
    pub part: Option<u32>,
    /// True if the request, or the source of its copy, names a version.
    pub of_version: bool,
    /// The length of the body, in bytes.
    pub bytes: usize,
    /// The length of the range that is asked for, in bytes.
    pub range_bytes: Option<u64>,
    /// The value of `x-amz-expected-bucket-owner`, if sent.
    pub expected_owner: Option<String>,
    /// The value of `x-amz-source-expected-bucket-owner`, if sent.
    pub expected_source_owner: Option<String>,
}

/// A filter for the requests of a plan.
#[derive(Debug, Clone)]
pub struct RequestFilter {
    operation: Operation,
    bucket: Option<BucketName>,
}

impl RequestFilter {
    /// Matches all requests of an operation.
    pub fn of(operation: Operation) -> Self {
        Self {
            operation,
            bucket: None,
        }
    }

    /// Restricts the filter to this bucket.
    #[must_use]
    pub fn on(self, bucket: &BucketName) -> Self {
        Self {
            bucket: Some(bucket.clone()),
            ..self
        }
    }

    /// Returns true if the request matches.
    pub fn is(&self, request: &Request) -> bool {
        self.operation == request.operation && self.bucket.as_ref().is_none_or(|bucket| *bucket == request.bucket)
    }
}

impl Request {
    /// Parses the head of a path-style request; `None` for an operation that is not listed.
    pub(super) fn read(head: &Parts, bytes: usize) -> Option<Self> {
        let path = head.uri.path().strip_prefix('/')?;
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let key = percent_decode_str(key).decode_utf8().ok()?;
        let key = (!key.is_empty()).then(|| ObjectKey::new(key)).transpose().ok()?;
        let operation = if key.is_some() {
            on_object(head)
        } else {
            on_bucket(head)
        };
        Some(Self {
            operation: operation?,
            bucket: bucket.parse().ok()?,
            key,
            part: parameter(head, "partNumber").and_then(|number| number.parse().ok()),
            of_version: has_parameter(head, "versionId")
                || header(head, "x-amz-copy-source").is_some_and(|source| source.contains("?versionId=")),
            bytes,
            range_bytes: header(head, "range").and_then(|range| range_bytes(&range)),
            expected_owner: header(head, "x-amz-expected-bucket-owner"),
            expected_source_owner: header(head, "x-amz-source-expected-bucket-owner"),
        })
    }
}

fn on_object(head: &Parts) -> Option<Operation> {
    let is_copy = head.headers.contains_key("x-amz-copy-source");
    match (&head.method, has_parameter(head, "uploadId")) {
        (&Method::HEAD, _) => Some(Operation::HeadObject),
        (&Method::GET, false) if has_parameter(head, "tagging") => Some(Operation::GetObjectTagging),
        (&Method::GET, false) => Some(Operation::GetObject),
        (&Method::PUT, false) if has_parameter(head, "legal-hold") => Some(Operation::PutObjectLegalHold),
        (&Method::PUT, true) if is_copy => Some(Operation::UploadPartCopy),
        (&Method::PUT, true) => Some(Operation::UploadPart),
        (&Method::PUT, false) if is_copy => Some(Operation::CopyObject),
        (&Method::PUT, false) => Some(Operation::PutObject),
        (&Method::GET, true) => Some(Operation::ListParts),
        (&Method::POST, true) => Some(Operation::CompleteMultipartUpload),
        (&Method::POST, false) if has_parameter(head, "restore") => Some(Operation::RestoreObject),
        (&Method::POST, false) if has_parameter(head, "uploads") => Some(Operation::CreateMultipartUpload),
        (&Method::DELETE, true) => Some(Operation::AbortMultipartUpload),
        (&Method::DELETE, false) => Some(Operation::DeleteObject),
        _ => None,
    }
}

fn on_bucket(head: &Parts) -> Option<Operation> {
    match head.method {
        Method::GET if has_parameter(head, "uploads") => Some(Operation::ListMultipartUploads),
        Method::GET if has_parameter(head, "versions") => Some(Operation::ListObjectVersions),
        Method::GET if has_parameter(head, "object-lock") => Some(Operation::GetObjectLockConfiguration),
        Method::GET if has_parameter(head, "lifecycle") => Some(Operation::GetBucketLifecycleConfiguration),
        Method::GET if has_parameter(head, "versioning") => Some(Operation::GetBucketVersioning),
        Method::GET if has_parameter(head, "list-type") => Some(Operation::ListObjectsV2),
        Method::POST if has_parameter(head, "delete") => Some(Operation::DeleteObjects),
        Method::PUT if has_parameter(head, "cors") => Some(Operation::PutBucketCors),
        Method::PUT => Some(Operation::CreateBucket),
        _ => None,
    }
}

/// Returns the length of a range such as `bytes=0-99`.
fn range_bytes(range: &str) -> Option<u64> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let [first, last]: [u64; 2] = [first.parse().ok()?, last.parse().ok()?];
    (last + 1).checked_sub(first)
}

fn header(head: &Parts, name: &str) -> Option<String> {
    let value = head.headers.get(name)?;
    value.to_str().ok().map(ToOwned::to_owned)
}

/// Returns true if the query has this parameter.
fn has_parameter(head: &Parts, name: &str) -> bool {
    parameter(head, name).is_some()
}

fn parameter<'a>(head: &'a Parts, name: &str) -> Option<Cow<'a, str>> {
    parameters(&head.uri).find_map(|(found, value)| (found == name).then_some(value))
}

/// Returns the parameters of a query, decoded.
pub(super) fn parameters(uri: &Uri) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, uri: &str, is_copy: bool) -> Option<(Operation, String, Option<String>)> {
        let mut request = http::Request::builder().method(method).uri(uri);
        if is_copy {
            request = request.header("x-amz-copy-source", "/a/b");
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let read = Request::read(&head, 0)?;
        Some((
            read.operation,
            read.bucket.to_string(),
            read.key.map(|key| key.to_string()),
        ))
    }

    #[test]
    fn operations_are_recognized() {
        let on = |operation, key: Option<&str>| Some((operation, "files".to_owned(), key.map(str::to_owned)));
        let object = |operation| on(operation, Some("a b/c"));
        let bucket = |operation| on(operation, None);
        for (method, uri, expected) in [
            ("HEAD", "/files/a%20b/c", object(Operation::HeadObject)),
            ("PUT", "/files/a%20b/c?x-id=PutObject", object(Operation::PutObject)),
            (
                "DELETE",
                "/files/a%20b/c?x-id=DeleteObject",
                object(Operation::DeleteObject),
            ),
            (
                "DELETE",
                "/files/a%20b/c?uploadId=u",
                object(Operation::AbortMultipartUpload),
            ),
            (
                "POST",
                "/files/a%20b/c?uploads",
                object(Operation::CreateMultipartUpload),
            ),
            (
                "POST",
                "/files/a%20b/c?uploadId=u",
                object(Operation::CompleteMultipartUpload),
            ),
            ("GET", "/files/a%20b/c", object(Operation::GetObject)),
            (
                "PUT",
                "/files/a%20b/c?partNumber=1&uploadId=u",
                object(Operation::UploadPart),
            ),
            ("GET", "/files/a%20b/c?uploadId=u", object(Operation::ListParts)),
            ("GET", "/files?list-type=2", bucket(Operation::ListObjectsV2)),
            (
                "GET",
                "/files/?list-type=2&prefix=uploads",
                bucket(Operation::ListObjectsV2),
            ),
            ("GET", "/files?uploads", bucket(Operation::ListMultipartUploads)),
            ("POST", "/files?delete", bucket(Operation::DeleteObjects)),
            ("PUT", "/files", bucket(Operation::CreateBucket)),
            ("PUT", "/files?cors", bucket(Operation::PutBucketCors)),
            ("GET", "/", None),
        ] {
            assert_eq!(read(method, uri, false), expected, "{method} {uri}");
        }
        assert_eq!(read("PUT", "/files/a%20b/c", true), object(Operation::CopyObject));
        let part = "/files/a%20b/c?partNumber=1&uploadId=u";
        assert_eq!(read("PUT", part, true), object(Operation::UploadPartCopy));
    }
}
