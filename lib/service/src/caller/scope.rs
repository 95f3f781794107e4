//! Scopes, by which callers are authorized.

use std::fmt;
use std::str::FromStr;

/// The permission to make one kind of calls. No scope includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Get upload URLs, and use multipart uploads.
    Upload,
    /// Get URLs for downloads.
    Download,
    /// Inspect drafts, and list drafts and confirmed objects.
    Inspect,
    /// Confirm drafts, and mint tickets.
    Confirm,
    /// Discard drafts before they expire.
    Discard,
    /// Delete confirmed objects, and restore their versions.
    Manage,
    /// Create the buckets, mint tickets, and delete versions.
    Admin,
}

/// The error for a string that is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a scope: it must be upload, download, inspect, confirm, discard, manage or admin")]
pub struct UnknownScope(String);

impl Scope {
    /// All scopes, in declaration order.
    pub const ALL: [Self; 7] = [
        Self::Upload,
        Self::Download,
        Self::Inspect,
        Self::Confirm,
        Self::Discard,
        Self::Manage,
        Self::Admin,
    ];

    /// Returns the name of the scope in files, tokens and errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Inspect => "inspect",
            Self::Confirm => "confirm",
            Self::Discard => "discard",
            Self::Manage => "manage",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let named = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        named.ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// The set without any scope.
    pub const NONE: Self = Self(0);

    /// The set of all scopes.
    pub const ALL: Self = Self((1 << Scope::ALL.len()) - 1);

    /// Returns `true` if the set contains the scope.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Returns the intersection of two sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns an iterator over the scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_parsed_by_name_and_are_distinct() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            let alone: Scopes = [scope].into_iter().collect();
            assert_eq!(alone.iter().collect::<Vec<_>>(), [scope]);
            assert!(Scopes::ALL.contains(scope) && !Scopes::NONE.contains(scope));
        }
        for bad in ["", "Upload", "uploads", "*"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }
}
