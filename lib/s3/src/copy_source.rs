//! The `x-amz-copy-source` header, which the SDK sends as it is given.

use draftstore_storage::{BucketName, ObjectKey};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 3986's unreserved characters and the slashes between segments.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// `bucket/key`, percent-encoded per segment.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html> ("The value must be URL-encoded").
pub(crate) fn copy_source(bucket: &BucketName, key: &ObjectKey) -> String {
    format!("{bucket}/{}", utf8_percent_encode(key.as_str(), &ENCODED))
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
    }
}
