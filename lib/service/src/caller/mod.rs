//! Who is asking, and what that caller may do.

mod profile;
mod scope;
mod slots;
mod tenant;

pub use profile::{ContentTypes, InvalidContentTypes, Profile};
pub use scope::{Scope, Scopes, UnknownScope};
pub use slots::DraftSlots;
pub use tenant::{InvalidTenant, Tenant};

use draftstore_storage::ObjectKey;

use crate::{Error, ObjectName, Violation};

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
    /// All the drafts that it can make, where their number is limited. Each is unique, and has the one name.
    pub drafts: Option<DraftSlots>,
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

impl Names {
    /// What is wrong with a name that is not among them.
    fn broken_rule(&self, name: &str) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Exactly(only) => {
                (name != only).then(|| format!("must be '{only}': these credentials are for no other"))
            }
            Self::Under(prefix) => {
                let is_under = name.starts_with(prefix.as_str());
                (!is_under).then(|| format!("must begin with '{prefix}': these credentials are for no other"))
            }
        }
    }
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
            drafts: None,
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

    /// The name of an object, where it is one, and one that this caller may use.
    pub(crate) fn name(&self, text: &str) -> Result<ObjectName, Violation> {
        let name: ObjectName = text.parse()?;
        match self.names.broken_rule(text) {
            Some(rule) => Err(Violation::new("object_name", rule)),
            None => Ok(name),
        }
    }

    /// The key that an object of this name has in main: names are the tenant's own, where there is one.
    pub(crate) fn key(&self, name: &ObjectName) -> ObjectKey {
        let Some(tenant) = &self.tenant else {
            return name.key().clone();
        };
        ObjectKey::new(format!("{}{name}", tenant.prefix())).expect("a name leaves room for a tenant in a key")
    }

    /// The name in a text that may begin with the tenant, as keys do.
    pub(crate) fn name_in_key(&self, text: &str) -> Result<ObjectName, Violation> {
        let tenant = self.tenant.as_ref().map_or("", Tenant::prefix);
        self.name(text.strip_prefix(tenant).unwrap_or(text))
    }

    /// What every key begins with that it may see, in main and of named drafts; and of unique ones after their ID.
    pub(crate) fn sight(&self) -> String {
        let tenant = self.tenant.as_ref().map_or("", Tenant::prefix);
        match &self.names {
            Names::Any => tenant.to_owned(),
            Names::Exactly(names) | Names::Under(names) => format!("{tenant}{names}"),
        }
    }

    /// The name that it knows a key by; none where it may not see it.
    pub(crate) fn name_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        let tenant = self.tenant.as_ref().map_or("", Tenant::prefix);
        let name = key.strip_prefix(tenant)?;
        self.names.broken_rule(name).is_none().then_some(name)
    }
}
