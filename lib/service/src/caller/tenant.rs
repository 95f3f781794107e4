//! A part of both buckets that callers share, and cannot leave.

use std::fmt;
use std::str::FromStr;

/// The longest, in bytes: with the longest name, and what a unique draft adds, still a key.
const MAX_TENANT_BYTES: usize = 63;

/// A tenant's name, and the prefix of all its keys, which is the name with a slash. What its callers call `a.jpg` has
/// the key `<tenant>/a.jpg` in main. A slash at the end makes that of `t1` none of `t10`'s.
///
/// 1–63 bytes: segments of `A-Z a-z 0-9 - _ .`, each beginning with a letter or digit, with single slashes between.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tenant {
    /// The slash included.
    prefix: String,
}

/// Why a text is no tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tenant has 1 to 63 characters of A-Z, a-z, 0-9, '-', '_', '.' and '/', and each of its segments begins with a letter \
     or digit"
)]
pub struct InvalidTenant;

impl Tenant {
    /// Its name.
    pub fn as_str(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// What all its keys begin with: the name and a slash.
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
