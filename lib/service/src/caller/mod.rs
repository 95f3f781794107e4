//! Callers, and the rules that they are subject to.

mod checks;
mod destination;
mod fixed_options;
mod profile;
mod scope;
mod slots;
mod tenant;
mod webhook;

pub use checks::{CheckSettings, Checks, ClamdCheck, MAX_ARCHIVE_DEPTH, MAX_SCANNED_BYTES, TagCheck};
pub use destination::{Destination, DestinationPrefix, Destinations};
pub use fixed_options::{FixedOptions, FixedRetention};
pub use profile::{ContentTypes, InvalidContentTypes, Profile};
pub use scope::{Scope, Scopes, UnknownScope};
pub use slots::DraftSlots;
pub use tenant::{InvalidTenant, Tenant};
pub use webhook::{HiddenTexts, WebhookCheck, WebhookScanner};

use draftstore_protocol::REPLACED_PREFIX;
use draftstore_storage::ObjectKey;

use crate::{Error, ObjectName, Violation};

/// An authenticated caller, with its scopes, tenant and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the caller in logs and in the audit. Never a secret.
    pub name: String,
    /// The owner of upload IDs and page tokens: the caller, or all holders of tickets of one caller, so that a new ticket
    /// continues an upload.
    pub principal: String,
    /// The scopes that the caller has.
    pub scopes: Scopes,
    /// The tenant to which both buckets are restricted. `None` gives access to the whole buckets.
    pub tenant: Option<Tenant>,
    /// The limits on the caller's uploads.
    pub profile: Profile,
    /// The object names that the caller may use.
    pub names: Names,
    /// The drafts that the caller can create, if their number is limited. Each is unique, and all have the same name.
    pub drafts: Option<DraftSlots>,
}

/// The object names that a caller may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Names {
    /// Any valid object name.
    #[default]
    Any,
    /// Exactly this one name.
    Exactly(String),
    /// All names with this prefix.
    Under(String),
}

impl Names {
    /// Returns the kind of the restriction, and its name or prefix.
    pub(crate) fn as_parts(&self) -> [&str; 2] {
        match self {
            Self::Any => ["any", ""],
            Self::Exactly(only) => ["exactly", only],
            Self::Under(prefix) => ["under", prefix],
        }
    }

    /// Returns the rule that a name breaks, or `None` if the name is allowed.
    fn broken_rule(&self, name: &str) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Exactly(only) => {
                (name != only).then(|| format!("must be '{only}', the only name that these credentials allow"))
            }
            Self::Under(prefix) => {
                let is_under = name.starts_with(prefix.as_str());
                (!is_under).then(|| format!("must begin with '{prefix}', the only prefix that these credentials allow"))
            }
        }
    }
}

impl Caller {
    /// Returns the caller of a server without authentication: it has all scopes and no limits.
    pub fn anyone() -> Self {
        Self {
            name: "anyone".to_owned(),
            principal: "anyone".to_owned(),
            scopes: Scopes::ALL,
            tenant: None,
            profile: Profile::default(),
            names: Names::Any,
            drafts: None,
        }
    }

    /// Checks that the caller has a scope.
    ///
    /// # Errors
    /// Returns [`Error::NotAllowed`] if the caller lacks the scope.
    pub fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.contains(scope) {
            Ok(())
        } else {
            Err(Error::NotAllowed(scope))
        }
    }

    /// Returns the principal and its tenant, to whom sealed tokens belong.
    pub(crate) fn identity(&self) -> [&str; 2] {
        let tenant = self.tenant.as_ref().map_or("", Tenant::prefix);
        [&self.principal, tenant]
    }

    /// Parses an object name, and checks that the caller may use it.
    pub(crate) fn name(&self, text: &str) -> Result<ObjectName, Violation> {
        let name: ObjectName = text.parse()?;
        match self.names.broken_rule(text) {
            Some(rule) => Err(Violation::new("object_name", rule)),
            None => Ok(name),
        }
    }

    /// Returns the key of an object in main: its name, prefixed by the tenant if there is one.
    pub(crate) fn key(&self, name: &ObjectName) -> ObjectKey {
        let Some(tenant) = &self.tenant else {
            return name.key().clone();
        };
        ObjectKey::new(format!("{}{name}", tenant.prefix())).expect("a name and a tenant fit in a key")
    }

    /// Parses the object name in a key, which may begin with the tenant.
    pub(crate) fn name_in_key(&self, text: &str) -> Result<ObjectName, Violation> {
        let tenant = self.tenant.as_ref().map_or("", Tenant::prefix);
        self.name(text.strip_prefix(tenant).unwrap_or(text))
    }

    /// Returns the prefix of all keys that the caller may see: in main, of named drafts, and of unique drafts after the
    /// ID.
    pub(crate) fn visible_prefix(&self) -> String {
        let tenant = self.tenant.as_ref().map_or("", Tenant::prefix);
        match &self.names {
            Names::Any => tenant.to_owned(),
            Names::Exactly(names) | Names::Under(names) => format!("{tenant}{names}"),
        }
    }

    /// Returns the object name of a key, or `None` if the caller may not see the key.
    pub(crate) fn name_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        let tenant = self.tenant.as_ref().map_or("", Tenant::prefix);
        let name = key.strip_prefix(tenant).filter(|_| !key.starts_with(REPLACED_PREFIX))?;
        self.allows(name).then_some(name)
    }

    /// Returns `true` if the caller may use an object name.
    pub(crate) fn allows(&self, name: &str) -> bool {
        self.names.broken_rule(name).is_none()
    }
}
