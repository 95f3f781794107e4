//! Who is asking, and what that caller may do.

mod profile;
mod scope;
mod tenant;

pub use profile::{ContentTypes, InvalidContentTypes, Profile};
pub use scope::{Scope, Scopes, UnknownScope};
pub use tenant::{InvalidTenant, Tenant};

use crate::Error;

/// Somebody who was recognised, with everything that the rules ask of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What it is called in logs and in the audit: never a secret.
    pub name: String,
    /// The kinds of calls that it may make.
    pub scopes: Scopes,
    /// The part of both buckets that is all of the world to it; none: all there is.
    pub tenant: Option<Tenant>,
    /// What its uploads are held to.
    pub profile: Profile,
    /// The names that it may give to drafts.
    pub names: Names,
}

/// Names of objects, as far as a caller is held to some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Names {
    /// Any.
    #[default]
    Any,
    /// This one alone.
    Exactly(String),
    /// All that begin so.
    Under(String),
}

impl Caller {
    /// Whoever asks where nobody is asked who they are: may do everything, everywhere.
    pub fn anyone() -> Self {
        Self {
            name: "anyone".to_owned(),
            scopes: Scopes::ALL,
            tenant: None,
            profile: Profile::default(),
            names: Names::Any,
        }
    }

    /// Checks that it may make calls of this kind.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] where it may not.
    pub fn may(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.contains(scope) {
            Ok(())
        } else {
            Err(Error::NotAllowed(scope))
        }
    }
}
