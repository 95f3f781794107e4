//! Tenants, which share the buckets and cannot see each other's objects.

use std::fmt;
use std::str::FromStr;

/// The maximum length in bytes. Chosen so that the key of a unique draft with the longest name is still a valid key.
const MAX_TENANT_BYTES: usize = 63;

/// The name of a tenant, which is also the prefix of its keys: an object `a.jpg` has the key `<tenant>/a.jpg` in main.
///
/// The prefix ends with a slash, so that the prefix of `t1` does not match the keys of `t10`.
///
/// A name has 1–63 bytes: segments of `A-Z a-z 0-9 - _ .`, separated by single slashes, each beginning with a letter or
/// a digit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tenant {
    /// The name and a slash.
    prefix: String,
}

/// The error for a string that is not the name of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tenant must have 1 to 63 characters of A-Z, a-z, 0-9, '-', '_', '.' and '/', and each segment must begin with a letter \
     or digit"
)]
pub struct InvalidTenant;

impl Tenant {
    /// Returns the name of the tenant.
    pub fn as_str(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// Returns the prefix of the tenant's keys: the name and a slash.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl FromStr for Tenant {
    type Err = InvalidTenant;

    fn from_str(text: &str) -> Result<Self, InvalidTenant> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let segment = |segment: &str| {
            segment.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) && segment.bytes().all(allowed)
        };
        if text.len() <= MAX_TENANT_BYTES && text.split('/').all(segment) {
            Ok(Self {
                prefix: format!("{text}/"),
            })
        } else {
            Err(InvalidTenant)
        }
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_plain_paths() {
        for good in ["t1", "acme", "users/42", "A.b-c_d/0", &"x".repeat(63)] {
            let tenant: Tenant = good.parse().expect(good);
            assert_eq!((tenant.as_str(), tenant.prefix()), (good, format!("{good}/").as_str()));
        }
        for bad in [
            "",
            "/",
            "t1/",
            "/t1",
            "a//b",
            "..",
            "a/../b",
            ".drafts",
            "a/.b",
            "a b",
            "ä",
            "a\\b",
            "-a",
            &"x".repeat(64),
        ] {
            assert!(bad.parse::<Tenant>().is_err(), "{bad:?}");
        }
    }
}
