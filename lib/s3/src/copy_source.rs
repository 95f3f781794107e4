//! The `x-amz-copy-source` header, which the SDK sends as it is given.

use draftstore_storage::{BucketName, ObjectKey, VersionId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 3986's unreserved characters and the slashes between segments.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Returns `bucket/key`, percent-encoded per segment.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html> ("The value must be URL-encoded").
pub(crate) fn copy_source(bucket: &BucketName, key: &ObjectKey) -> String {
    format!("{bucket}/{}", utf8_percent_encode(key.as_str(), &ENCODED))
}

/// Returns `bucket/key?versionId=…`, for a version of the object.
pub(crate) fn copy_source_version(bucket: &BucketName, key: &ObjectKey, version: &VersionId) -> String {
    let version = utf8_percent_encode(version.as_str(), &ENCODED);
    format!("{}?versionId={version}", copy_source(bucket, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_source_is_encoded_per_segment() {
        let bucket: BucketName = "main-draft".parse().expect("valid");
        let encoded = |key: &str| copy_source(&bucket, &ObjectKey::new(key).expect("valid"));
        assert_eq!(encoded("a/b.txt"), "main-draft/a/b.txt");
        assert_eq!(encoded("a b+c%20d?e#f"), "main-draft/a%20b%2Bc%2520d%3Fe%23f");
        assert_eq!(encoded("é~_-."), "main-draft/%C3%A9~_-.");
        let version = VersionId::new("a+b/c");
        let key = ObjectKey::new("a?versionId=1").expect("valid");
        let of_version = copy_source_version(&bucket, &key, &version);
        assert_eq!(of_version, "main-draft/a%3FversionId%3D1?versionId=a%2Bb/c");
    }
}
