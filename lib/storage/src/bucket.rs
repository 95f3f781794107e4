//! Bucket names. Draft and main have different types, so that code that signs an upload for main does not compile.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A bucket name by S3's rules: 3–63 characters of `a-z 0-9 - .`, beginning and ending with a letter or digit.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Arc<str>);

/// The error for a string that is not a valid bucket name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a bucket name must have 3 to 63 characters of a-z, 0-9, '-' and '.', begin and end with a letter or digit, and not contain '..'"
)]
pub struct InvalidBucketName;

impl BucketName {
    /// Returns the name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = InvalidBucketName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let valid = (3..=63).contains(&bytes.len())
            && bytes.iter().all(|b| alphanumeric(b) || matches!(b, b'-' | b'.'))
            && bytes.first().is_some_and(alphanumeric)
            && bytes.last().is_some_and(alphanumeric)
            && !text.contains("..");
        valid.then(|| Self(text.into())).ok_or(InvalidBucketName)
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The bucket that clients upload to. Uploads are signed, and drafts are deleted, only in this bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftBucket(BucketName);

/// The bucket that holds the confirmed objects. Only the copy of a confirm writes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainBucket(BucketName);

/// The error for a draft bucket and a main bucket of the same name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the draft bucket and the main bucket are both {0:?}: they must differ")]
pub struct SameBucket(BucketName);

impl DraftBucket {
    /// Creates the pair of buckets of an installation.
    ///
    /// # Errors
    /// Returns [`SameBucket`] if the names are equal: the sweep would then delete confirmed objects.
    pub fn pair(draft: BucketName, main: BucketName) -> Result<(Self, MainBucket), SameBucket> {
        if draft == main {
            return Err(SameBucket(main));
        }
        Ok((Self(draft), MainBucket(main)))
    }

    /// Returns the bucket's name, for calls that only read.
    pub fn name(&self) -> &BucketName {
        &self.0
    }
}

impl MainBucket {
    /// Returns the bucket's name, for calls that only read.
    pub fn name(&self) -> &BucketName {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_rules_of_s3() {
        for good in ["abc", "main-draft", "a.b.c", "0-0", &"a".repeat(63)] {
            assert!(good.parse::<BucketName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "Main",
            "a_b",
            "-abc",
            "abc-",
            "a..b",
            "a b",
            "ä-bucket",
            &"a".repeat(64),
        ] {
            assert!(bad.parse::<BucketName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn draft_and_main_must_differ() {
        let name: BucketName = "same".parse().expect("valid");
        assert!(DraftBucket::pair(name.clone(), name).is_err());
    }
}
