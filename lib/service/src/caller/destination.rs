//! Destinations: the places beside the main bucket where a confirm may put objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use draftstore_storage::{BucketName, StorageOptions};

use super::FixedOptions;
use crate::Violation;
use crate::violation::Violations;

/// The maximum length of a prefix, in bytes.
const MAX_PREFIX_BYTES: usize = 64;

/// The destinations that a caller may name, by their names.
pub type Destinations = BTreeMap<String, Arc<Destination>>;

/// A place where a confirm may put objects: a bucket, the beginning of their keys, and their options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The name in the policy and in requests.
    pub name: String,
    /// The bucket. `None` is the main bucket.
    pub bucket: Option<BucketName>,
    /// The beginning of the keys of its objects, after the tenant.
    pub prefix: DestinationPrefix,
    /// The options of its objects.
    pub options: FixedOptions,
}

impl Destination {
    /// Records the options of a request that contradict the destination.
    pub(crate) fn check_options(&self, requested: &StorageOptions, broken: &mut Violations) {
        let mut of = Violations::default();
        let described = format!("the destination '{}'", self.name);
        self.options.check(requested, &described, &mut of);
        for violation in of.into_vec() {
            broken.take::<()>(Err(violation.within("storage_options")));
        }
    }
}

/// The beginning of the keys of a destination. It is empty, or ends with a slash.
///
/// Each segment begins with a letter or a digit, so that no prefix is reserved for the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestinationPrefix(String);

impl DestinationPrefix {
    /// Parses a prefix.
    ///
    /// # Errors
    /// Returns the rule that the text breaks.
    pub fn new(text: &str) -> Result<Self, Violation> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let segment = |segment: &str| {
            segment.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) && segment.bytes().all(allowed)
        };
        let is_valid = text.len() <= MAX_PREFIX_BYTES
            && text
                .strip_suffix('/')
                .is_some_and(|inner| inner.split('/').all(segment));
        if is_valid {
            Ok(Self(text.to_owned()))
        } else {
            let rule = format!(
                "must have 2 to {MAX_PREFIX_BYTES} characters of A-Z, a-z, 0-9, '-', '_', '.' and '/', end with '/', and each \
                 segment must begin with a letter or digit"
            );
            Err(Violation::new("prefix", rule))
        }
    }

    /// Returns the prefix as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_folders() {
        for good in ["a/", "invoices/2026/", "A.b-c_d/0/", &format!("{}/", "x".repeat(63))] {
            assert_eq!(DestinationPrefix::new(good).map(|prefix| prefix.0), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "/",
            "a",
            "/a/",
            "a//",
            "../",
            "a/../b/",
            ".replaced/",
            "a b/",
            "ä/",
            &format!("{}/", "x".repeat(64)),
        ] {
            assert!(DestinationPrefix::new(bad).is_err(), "{bad:?}");
        }
    }
}
