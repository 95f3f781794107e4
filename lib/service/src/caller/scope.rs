//! Kinds of calls.

use std::fmt;
use std::str::FromStr;

/// A kind of calls that a caller may be allowed to make. None contains another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Get upload URLs, and upload in parts.
    Upload,
    /// Get download URLs.
    Download,
    /// Look at drafts, and list drafts and confirmed objects.
    Inspect,
    /// Keep drafts, and mint tickets.
    Confirm,
    /// Throw drafts away.
    Discard,
    /// Have buckets made, and mint tickets.
    Admin,
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope: there are upload, download, inspect, confirm, discard and admin")]
pub struct UnknownScope(String);

impl Scope {
    /// Each.
    pub const ALL: [Self; 6] = [
        Self::Upload,
        Self::Download,
        Self::Inspect,
        Self::Confirm,
        Self::Discard,
        Self::Admin,
    ];

    /// Its name in files, tokens and errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Inspect => "inspect",
            Self::Confirm => "confirm",
            Self::Discard => "discard",
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
    /// None of them.
    pub const NONE: Self = Self(0);

    /// All of them.
    pub const ALL: Self = Self((1 << Scope::ALL.len()) - 1);

    /// Whether this one is among them.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Each that is in it.
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
    fn scopes_are_read_by_name_and_kept_apart() {
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
